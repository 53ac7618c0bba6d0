using System.Net;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>What the endpoint is told of the client, and who may say so.</summary>
public sealed class ForwardedTests
{
    private const string Claims = "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: other\r\nX-Forwarded-Port: 443\r\nForwarded: for=3.3.3.3;proto=https\r\nX-Real-IP: 4.4.4.4\r\n";

    /// <summary>{port} is the listener's.</summary>
    public static TheoryData<ForwardedFields, bool, string, string> Table => new()
    {
        { ForwardedFields.None, false, Claims, "" },
        { ForwardedFields.None, true, Claims, Claims },
        { ForwardedFields.XForwarded, false, "", "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nx-forwarded-port: {port}\r\n" },
        { ForwardedFields.XForwarded, false, Claims, "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nx-forwarded-port: {port}\r\n" },
        { ForwardedFields.XForwarded, true, "", "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nx-forwarded-port: {port}\r\n" },
        { ForwardedFields.XForwarded, true, Claims, "Forwarded: for=3.3.3.3;proto=https\r\nX-Real-IP: 4.4.4.4\r\nx-forwarded-for: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: other\r\nx-forwarded-port: 443\r\n" },
        { ForwardedFields.Forwarded, false, Claims, "forwarded: for=127.0.0.1;host=\"h:81\";proto=http\r\n" },
        { ForwardedFields.Forwarded, true, "Forwarded: for=3.3.3.3\r\nForwarded: for=\"_x\"\r\n", "forwarded: for=3.3.3.3, for=\"_x\", for=127.0.0.1;host=\"h:81\";proto=http\r\n" },
        { ForwardedFields.XForwarded | ForwardedFields.Forwarded, false, "",
            "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nx-forwarded-port: {port}\r\nforwarded: for=127.0.0.1;host=\"h:81\";proto=http\r\n" },

        // Connection names away what came, not what is added.
        { ForwardedFields.XForwarded, false, "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port\r\n" + Claims,
            "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: h:81\r\nx-forwarded-port: {port}\r\n" },
        { ForwardedFields.XForwarded, true, "Connection: X-Forwarded-For, forwarded, x-real-ip\r\n" + Claims,
            "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: other\r\nx-forwarded-port: 443\r\n" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void The_endpoint_is_told_who_asked(ForwardedFields fields, bool trusted, string sent, string got)
    {
        foreach (var byBytes in (bool[])[false, true])
        {
            using var rig = new Rig(c => c.With(l => l with { Forwarded = fields, TrustedProxies = trusted ? [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("127.0.0.0/8")] : [IPNetwork.Parse("10.0.0.0/8")] }));
            rig.Client.Send($"GET / HTTP/1.1\r\nHost: h:81\r\n{sent}A: b\r\n\r\n", byBytes);
            using var upstream = rig.Accept();
            upstream.Expect($"GET / HTTP/1.1\r\nHost: h:81\r\nA: b\r\n{got.Replace("{port}", $"{rig.Engine.Address().Port}", StringComparison.Ordinal)}\r\n");
        }
    }

    /// <summary>An IPv6 client stands in quotes and brackets in Forwarded, and bare in X-Forwarded-For.</summary>
    [Fact]
    public void An_IPv6_client_is_told_as_the_RFC_says()
    {
        using var rig = new Rig(c => c.With(l => l with { Address = new IPEndPoint(IPAddress.IPv6Loopback, 0), Forwarded = ForwardedFields.XForwarded | ForwardedFields.Forwarded, TrustedProxies = [IPNetwork.Parse("::1/128")] }));
        rig.Client.Send("GET / HTTP/1.1\r\nHost: [::1]:81\r\nX-Forwarded-For: 2001:db8::1\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.Expect($"GET / HTTP/1.1\r\nHost: [::1]:81\r\nx-forwarded-for: 2001:db8::1, ::1\r\nx-forwarded-proto: http\r\nx-forwarded-host: [::1]:81\r\nx-forwarded-port: {rig.Engine.Address().Port}\r\nforwarded: for=\"[::1]\";host=\"[::1]:81\";proto=http\r\n\r\n");
    }

    /// <summary>The host that counts is the one of the target.</summary>
    [Fact]
    public void The_host_of_an_absolute_target_is_told()
    {
        using var rig = new Rig(c => c.With(l => l with { Forwarded = ForwardedFields.XForwarded }));
        rig.Client.Send("GET http://own/ HTTP/1.1\r\nHost: other\r\n\r\n");
        using var upstream = rig.Accept();
        Assert.Contains("x-forwarded-host: own\r\n", upstream.ReadHead(), StringComparison.Ordinal);
    }
}

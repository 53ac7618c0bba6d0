using System.Net;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>PROXY headers of clients and to endpoints, as bytes.</summary>
public sealed class ProxyHeaderTests
{
    private const string Signature = "\r\n\r\n\0\r\nQUIT\n";
    private const string V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n";
    private const string V2 = Signature + "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x10\x92\x01\xbb";

    private static readonly IPNetwork Own = IPNetwork.Parse("127.0.0.1/32");

    /// <summary>What comes, and who it is from then: null is who connected.</summary>
    public static TheoryData<string, string, string?> Taken => new()
    {
        { "version 1", V1, "192.0.2.1:4242" },
        { "version 1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 4242 443\r\n", "[2001:db8::1]:4242" },
        { "version 1, unknown", "PROXY UNKNOWN\r\n", null },
        { "version 1, unknown with something", "PROXY UNKNOWN ffff:f...f 1 2\r\n", null },
        { "version 2", V2, "192.0.2.1:4242" },
        { "version 2, with a TLV", Signature + "\x21\x11\0\x11\xc0\0\x02\x01\xc6\x33\x64\x02\x10\x92\x01\xbb\x04\0\x02xx", "192.0.2.1:4242" },
        { "version 2, LOCAL", Signature + "\x20\0\0\0", null },
        { "version 2, LOCAL with addresses", Signature + "\x20\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x10\x92\x01\xbb", null },
    };

    [Theory]
    [MemberData(nameof(Taken))]
    public void What_a_header_says_counts(string name, string header, string? source)
    {
        foreach (var byBytes in new[] { false, true })
        {
            using var rig = new TcpRig(Takes);
            rig.Client.Send(header, byBytes);
            rig.Client.Send("hello");
            var upstream = rig.Accept();
            upstream.Expect("hello");
            rig.Client.EndSend();
            upstream.ExpectToEnd("");
            upstream.EndSend();
            var seen = rig.Seen.Next();
            Assert.Equal((name, source ?? rig.Client.Socket.LocalEndPoint!.ToString(), 5L), (name, seen.Client, seen.BytesIn));
        }
    }

    [Fact]
    public void What_follows_in_the_same_packet_is_passed_on()
    {
        using var rig = new TcpRig(Takes);
        rig.Client.Send(V2 + "hello");
        rig.Accept().Expect("hello");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 4242\r\n")]
    [InlineData("PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n")]
    [InlineData(Signature + "\x31\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x10\x92\x01\xbb")]
    [InlineData(Signature + "\x21\x11\0\x04\xc0\0\x02\x01")]
    public void What_is_malformed_ends_the_connection(string header)
    {
        foreach (var byBytes in new[] { false, true })
        {
            using var rig = new TcpRig(Takes);
            try
            {
                rig.Client.Send(header, byBytes);
            }
            catch (System.Net.Sockets.SocketException) when (byBytes)
            {
                // It was refused before its last byte.
            }

            Assert.Equal("", rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
            Assert.Equal(("PR", "proxy_header_invalid"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
            Assert.True(rig.Server.IsQuiet);
        }
    }

    [Fact]
    public void A_header_that_does_not_come_in_time_ends_the_connection()
    {
        using var rig = new TcpRig(Takes);
        rig.Client.Send(V1[..20]);
        rig.Engine.Pass(11);
        Assert.Equal("", rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
        Assert.Equal(("cR", "handshake_timeout"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
    }

    [Fact]
    public void A_client_that_ends_within_its_header_is_gone()
    {
        using var rig = new TcpRig(Takes);
        rig.Client.Send(V1[..20]);
        rig.Client.EndSend();
        Assert.Equal("", rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_source_that_may_not_send_one_is_refused()
    {
        using var rig = new TcpRig(Takes);
        var other = rig.Engine.Connect(from: IPAddress.Parse("127.0.0.2"));
        Assert.Equal("", other.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
        Assert.Equal(("PR", "proxy_header_untrusted"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
        Assert.Equal(1, rig.Engine.Refused(Refusal.ProxyHeaderUntrusted));
    }

    [Fact]
    public void Where_none_is_taken_it_is_passed_on_as_it_is()
    {
        using var rig = new TcpRig();
        rig.Client.Send(V1);
        rig.Accept().Expect(V1);
    }

    [Fact]
    public void Endpoints_get_version_1()
    {
        using var rig = new TcpRig(c => Sends(c, ProxyProtocolVersion.V1));
        var (client, server) = Ends(rig);
        rig.Client.Send("hello");
        rig.Accept().Expect($"PROXY TCP4 127.0.0.1 127.0.0.1 {client.Port} {server.Port}\r\nhello");
    }

    [Fact]
    public void Endpoints_get_version_2()
    {
        using var rig = new TcpRig(c => Sends(c, ProxyProtocolVersion.V2));
        var (client, server) = Ends(rig);
        var upstream = rig.Accept(); // It comes though the client has said nothing yet.
        upstream.Expect(Signature + "\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01" + Port(client.Port) + Port(server.Port));
        rig.Client.Send("hello");
        upstream.Expect("hello");
    }

    [Theory]
    [InlineData(ProxyProtocolVersion.V1, V1)]
    [InlineData(ProxyProtocolVersion.V2, V2)]
    public void What_was_told_is_told_on(ProxyProtocolVersion version, string expected)
    {
        using var rig = new TcpRig(c => Sends(Takes(c), version));
        rig.Client.Send(V2 + "hello");
        rig.Accept().Expect(expected + "hello");
    }

    [Fact]
    public void Another_endpoint_gets_its_header_too()
    {
        using var rig = new TcpRig(c => Sends(Takes(c), ProxyProtocolVersion.V1).With(g => g with { Endpoints = [new Endpoint { Name = "gone", Address = TcpRig.Nowhere() }, .. g.Endpoints] }));
        rig.Client.Send(V1 + "hello");
        rig.Accept().Expect(V1 + "hello");
    }

    private static ProxyConfig Takes(ProxyConfig config) => config.With(l => l with { ProxyProtocolFrom = [Own] });

    private static ProxyConfig Sends(ProxyConfig config, ProxyProtocolVersion version) => config.With(g => g with { ProxyProtocol = version });

    private static (IPEndPoint Client, IPEndPoint Server) Ends(TcpRig rig) => ((IPEndPoint)rig.Client.Socket.LocalEndPoint!, (IPEndPoint)rig.Client.Socket.RemoteEndPoint!);

    private static string Port(int port) => $"{(char)(port >> 8)}{(char)(port & 0xFF)}";
}

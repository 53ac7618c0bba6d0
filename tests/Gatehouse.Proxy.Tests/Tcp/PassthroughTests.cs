using System.Net;
using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit.Fuzz;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>TLS that is passed on unread, by the server name of its hello.</summary>
public sealed class PassthroughTests
{
    public static TheoryData<string, int> Names => new()
    {
        { "exact.example", 0 },
        { "EXACT.Example", 0 },
        { "one.wild.example", 1 },
        { "a.b.deep.example", 2 },
        { "other.example", 3 },
        { "two.labels.wild.example", 3 },
        { "", 3 },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void The_name_leads_to_the_group(string name, int server)
    {
        foreach (var byBytes in new[] { false, true })
        {
            using var rig = new TcpRig(Routes, servers: 4);
            var hello = Hello(name);
            rig.Client.Send(hello, byBytes);
            var upstream = rig.Accept(server);
            upstream.Expect(hello);
            upstream.Send("server hello");
            rig.Client.Expect("server hello");
            rig.Client.Send("finished");
            upstream.Expect("finished");
            rig.Client.EndSend();
            upstream.EndSend();
            var seen = rig.Seen.Next();
            Assert.Equal(($"group-{server}", "--", (long)hello.Length + 8), (seen.Group, seen.Flags, seen.BytesIn));
        }
    }

    [Fact]
    public void A_hello_of_many_packets_and_what_follows_it_arrive_whole()
    {
        using var rig = new TcpRig(Routes, servers: 4);
        var hello = Text(HelloBuilder.Records(new HelloBuilder().Names("exact.example"u8.ToArray()).Add(0xFE0D, new byte[9_000]).Message(), 1_000));
        rig.Client.Send(hello + "early data");
        rig.Accept(0).Expect(hello + "early data");
    }

    [Fact]
    public void An_unknown_name_without_a_default_is_refused()
    {
        using var rig = new TcpRig(c => Routes(c).With(l => l with { DefaultUpstream = null }), servers: 4);
        rig.Client.Send(Hello("other.example"));
        Assert.Equal("", rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
        Assert.Equal(("SC", "server_name_unknown"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: exact.example\r\n\r\n")]
    [InlineData("\x16\x03\x01\0\x05\x02\0\0\x01\0")]
    [InlineData("\x15\x03\x01\0\x02\x01\0")]
    public void What_is_no_hello_is_refused(string bytes)
    {
        foreach (var byBytes in new[] { false, true })
        {
            using var rig = new TcpRig(Routes, servers: 4);
            try
            {
                rig.Client.Send(bytes, byBytes);
            }
            catch (System.Net.Sockets.SocketException) when (byBytes)
            {
                // It was refused before its last byte.
            }

            Assert.Equal("", rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
            Assert.Equal(("PR", "hello_invalid"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
            Assert.All(rig.Servers, s => Assert.True(s.IsQuiet));
        }
    }

    [Fact]
    public void A_hello_that_does_not_come_in_time_is_refused()
    {
        using var rig = new TcpRig(Routes, servers: 4);
        rig.Client.Send(Hello("exact.example")[..30]);
        rig.Engine.Pass(11);
        Assert.Equal("", rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal));
        Assert.Equal(("cR", "handshake_timeout"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
    }

    [Fact]
    public void With_a_PROXY_header_before_it_and_one_before_the_endpoint()
    {
        const string Header = "PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n";
        using var rig = new TcpRig(
            c => Routes(c).With(l => l with { ProxyProtocolFrom = [IPNetwork.Parse("127.0.0.0/8")] }) with { Upstreams = [.. Routes(c).Upstreams.Select(g => g with { ProxyProtocol = ProxyProtocolVersion.V1 })] }, servers: 4);
        var hello = Hello("exact.example");
        rig.Client.Send(Header + hello, byBytes: true);
        rig.Accept(0).Expect(Header + hello);
    }

    [Fact]
    public void The_hello_goes_to_another_endpoint_where_the_first_refuses()
    {
        using var rig = new TcpRig(c => Routes(c) with { Upstreams = [.. Routes(c).Upstreams.Select(g => g with { Endpoints = [new Endpoint { Name = "gone", Address = TcpRig.Nowhere() }, .. g.Endpoints] })] }, servers: 4);
        var hello = Hello("exact.example");
        rig.Client.Send(hello);
        rig.Accept(0).Expect(hello);
    }

    private static ProxyConfig Routes(ProxyConfig config) => config with
    {
        Listeners = [config.Listeners[0] with
        {
            Protocol = ListenerProtocol.TlsPassthrough,
            ServerNames = [To("exact.example", 0), To("*.wild.example", 1), To("**.deep.example", 2)],
            DefaultUpstream = "group-3",
        }],
        Upstreams = [.. config.Upstreams[0].Endpoints.Select((e, i) => new UpstreamGroup { Name = $"group-{i}", Endpoints = [e] })],
    };

    private static ServerNameRoute To(string host, int group) => new() { Host = host, Upstream = $"group-{group}" };

    private static string Hello(string name) => Text((name.Length == 0 ? new HelloBuilder() : new HelloBuilder().Names(Encoding.ASCII.GetBytes(name))).Record());

    private static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);
}

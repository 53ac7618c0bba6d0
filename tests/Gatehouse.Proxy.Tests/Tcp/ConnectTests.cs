using System.Net;
using System.Net.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>What becomes of a client before an endpoint is there.</summary>
public sealed class ConnectTests
{
    [Fact]
    public void A_refused_connection_goes_to_another_endpoint()
    {
        using var rig = new TcpRig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "gone", Address = TcpRig.Nowhere() }, .. g.Endpoints] }));
        rig.Client.Send("hello");
        var upstream = rig.Accept();
        upstream.Expect("hello");
        upstream.EndSend();
        rig.Client.EndSend();
        var seen = rig.Seen.Next();
        Assert.Equal(("app-0", "--", 1, true), (seen.Endpoint, seen.Flags, seen.Retries, seen.Redispatched));
        Assert.Equal((1, 1), (rig.Engine.Figure("endpoint/app/gone", Counter.ConnectErrors), rig.Engine.Figure("endpoint/app/app-0", Counter.Retries)));
    }

    [Fact]
    public void Where_all_refuse_the_client_is_reset()
    {
        using var rig = new TcpRig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "a", Address = TcpRig.Nowhere() }, new Endpoint { Name = "b", Address = TcpRig.Nowhere() }], Retries = 4 }));
        rig.Client.ExpectToEnd("<reset>");
        var seen = rig.Seen.Next();
        Assert.Equal(("app", "SC", 4, false, "connect_failed"), (seen.Group, seen.Flags, seen.Retries, seen.Connected, seen.Reason));
    }

    [Fact]
    public void Without_endpoints_the_client_is_reset()
    {
        using var rig = new TcpRig(c => c.With(g => g with { Endpoints = [] }));
        rig.Client.ExpectToEnd("<reset>");
        var seen = rig.Seen.Next();
        Assert.Equal(("app", "", "SC", "no_endpoint"), (seen.Group, seen.Endpoint, seen.Flags, seen.Reason));
    }

    [Fact]
    public void Without_a_group_the_client_is_reset()
    {
        using var rig = new TcpRig(c => c.With(l => l with { DefaultUpstream = null }));
        rig.Client.ExpectToEnd("<reset>");
        var seen = rig.Seen.Next();
        Assert.Equal(("", "SC", "no_route"), (seen.Group, seen.Flags, seen.Reason));
        Assert.Equal(1, rig.Engine.Figure("listener/tcp", Counter.Refused));
    }

    [Fact]
    public void An_endpoint_that_does_not_answer_is_given_up()
    {
        using var full = new FullServer();
        using var rig = new TcpRig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "full", Address = full.Address }, .. g.Endpoints] }));
        rig.Client.Send("hello");
        rig.Engine.Pass(5.1);
        rig.Accept().Expect("hello");
        Assert.Equal(1, rig.Engine.Figure("endpoint/app/full", Counter.ConnectErrors));
    }

    [Fact]
    public void Connecting_that_takes_too_long_ends_with_a_reset()
    {
        using var full = new FullServer();
        using var rig = new TcpRig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "full", Address = full.Address }], Timeouts = g.Timeouts with { Connect = TimeSpan.FromSeconds(2) } }));
        _ = rig.Client;
        rig.Engine.Pass(1.9);
        Assert.Equal(1, rig.Engine.Engine.Connections);
        rig.Engine.Pass(0.2);
        rig.Client.ExpectToEnd("<reset>");
        var seen = rig.Seen.Next();
        Assert.Equal(("full", "sC", "connect_timeout"), (seen.Endpoint, seen.Flags, seen.Reason));
    }

    [Fact]
    public void A_client_that_gives_up_meanwhile_is_told_apart()
    {
        using var full = new FullServer();
        using var rig = new TcpRig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "full", Address = full.Address }] }));
        _ = rig.Client;
        rig.Engine.Settle();
        rig.Client.Reset();
        var seen = rig.Seen.Next();
        Assert.Equal(("CC", "client_closed"), (seen.Flags, seen.Reason));
    }

    [Fact]
    public void Endpoints_take_turns()
    {
        using var rig = new TcpRig(servers: 3);
        for (var i = 0; i < 6; i++)
        {
            var client = rig.Engine.Connect();
            var upstream = rig.Accept(i % 3);
            client.Send("x");
            upstream.Expect("x");
        }
    }

    [Fact]
    public void A_client_has_no_more_connections_than_allowed()
    {
        using var rig = new TcpRig(c => c.With(l => l with { Limits = l.Limits with { ConnectionsPerClient = 1 } }));
        var (client, upstream) = rig.Pair();
        rig.Engine.Connect().ExpectToEnd("<reset>");
        Assert.Equal(("PR", "too_many_connections_of_client"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
        var other = rig.Engine.Connect(from: IPAddress.Parse("127.0.0.2"));
        other.Send("x");
        rig.Accept().Expect("x");
        client.EndSend();
        upstream.EndSend();
        client.ExpectToEnd("");
        Assert.Equal("--", rig.Seen.Next().Flags);
        rig.Engine.Connect().Send("y");
        rig.Accept().Expect("y");
    }

    /// <summary>A listener whose queue is full: the kernel drops further attempts to connect.</summary>
    private sealed class FullServer : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _fillers = [];

        public FullServer()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen(0);
            for (var full = false; !full;)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _fillers.Add(socket);
                try
                {
                    socket.Connect(Address);
                }
                catch (SocketException)
                {
                    full = !socket.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectWrite);
                }
            }
        }

        public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

        public void Dispose()
        {
            foreach (var socket in _fillers) socket.Dispose();
            _listener.Dispose();
        }
    }
}

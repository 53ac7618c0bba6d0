using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Conntrack;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Nftables;

namespace Gatehouse.Linux.Tests.Nftables;

/// <summary>
/// A client and a server on a cable; the server translates service addresses to addresses of its own by the maps of the
/// overlay, and its answers tell which one a connection reached. So the kernel itself says whether keys have the right bytes.
/// </summary>
public sealed class TranslationTests : IDisposable
{
    private const int Port = 8080;
    private readonly Host _client = new();
    private readonly Host _server = new();
    private readonly NftContext _nft;
    private readonly NftElements _elements;
    private readonly NftElements _elements6;
    private readonly ConntrackSocket _conntrack;

    public TranslationTests()
    {
        Host.Connect(_client, "192.0.2.1/24", _server, "192.0.2.2/24");
        _client.Up("eth0", "2001:db8::1/64");
        _server.Up("eth0", "2001:db8::2/64");
        _client.Run("ip", "route", "add", "10.30.0.0/16", "via", "192.0.2.2");
        _client.Run("ip", "-6", "route", "add", "fdff::/16", "via", "2001:db8::2");
        _server.Up("lo", "10.18.0.2/32", "10.18.0.3/32", "10.18.0.4/32", "fc00::2/128", "fc00::3/128", "fc00::4/128");
        _nft = NftContext.Open(_server.Namespace);
        _nft.Run(Table("ip", "10.30.0.0/16", "ipv4_addr") + Table("ip6", "fdff::/16", "ipv6_addr"));
        _elements = NftElements.Open(NftFamily.Ip, "gh", _server.Namespace);
        _elements6 = NftElements.Open(NftFamily.Ip6, "gh", _server.Namespace);
        _conntrack = ConntrackSocket.Open(_server.Namespace);
    }

    public void Dispose()
    {
        _conntrack.Dispose();
        _elements6.Dispose();
        _elements.Dispose();
        _nft.Dispose();
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [InlineData("10.30.0.20", "10.18.0.", "rr3")]
    [InlineData("10.30.0.21", "10.18.0.", "w3")]
    [InlineData("fdff::20", "fc00::", "rr3")]
    public void Slots_are_hit_by_every_number_that_the_kernel_draws(string service, string instances, string chain)
    {
        Declare(service, instances, chain);
        using var listener = Listen(service);

        var reached = Enumerable.Range(0, 30).Select(_ => Connect(service, listener)).CountBy(static address => address).ToDictionary();

        string[] expected = [instances + "2", instances + "3", instances + "4"];
        Assert.Equal(expected, reached.Keys.Order());
        if (chain is "rr3")
        {
            Assert.All(reached.Values, static count => Assert.Equal(10, count));
        }
    }

    [Fact]
    public void The_hash_of_a_client_stays_on_one_slot()
    {
        Declare("10.30.0.22", "10.18.0.", "st3");
        using var listener = Listen("10.30.0.22");
        Assert.Single(Enumerable.Range(0, 10).Select(_ => Connect("10.30.0.22", listener)).Distinct());
    }

    [Fact]
    public void A_replaced_slot_is_used_by_the_next_connection_and_no_earlier_one_notices()
    {
        Declare("10.30.0.20", "10.18.0.", "rr3");
        using var listener = Listen("10.30.0.20");
        using var early = _client.Socket(SocketType.Stream, ProtocolType.Tcp);
        early.Connect(IPAddress.Parse("10.30.0.20"), Port);
        using var earlyServer = listener.Accept();

        var changes = new ElementChange[3];
        for (var slot = 0; slot < 3; slot++)
        {
            changes[slot] = new(ElementAction.Replace, "slots", NftValue.Concat(Ip("10.30.0.20"), NftValue.Slot((uint)slot)), Ip("10.18.0.4"));
        }

        _elements.Apply(changes).ThrowIfFailed();

        Assert.All(Enumerable.Range(0, 6), _ => Assert.Equal("10.18.0.4", Connect("10.30.0.20", listener)));
        early.Send("still here"u8);
        var buffer = new byte[32];
        Assert.Equal(10, earlyServer.Receive(buffer));
    }

    [Fact]
    public async Task Replacing_all_slots_over_and_over_loses_no_connection()
    {
        Declare("10.30.0.20", "10.18.0.", "rr3");
        using var listener = Listen("10.30.0.20");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var changing = Task.Run(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var slot = NftValue.Concat(Ip("10.30.0.20"), NftValue.Slot((uint)(i % 3)));
                _elements.Apply([new(ElementAction.Replace, "slots", slot, Ip("10.18.0." + (2 + (i % 2))))]).ThrowIfFailed();
            }
        }, TestContext.Current.CancellationToken);

        var reached = Enumerable.Range(0, 300).Select(_ => Connect("10.30.0.20", listener)).ToList();

        await stop.CancelAsync();
        await changing;
        Assert.Equal(300, reached.Count(static address => address.StartsWith("10.18.0.", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("10.30.0.20", "10.18.0.")]
    [InlineData("fdff::20", "fc00::")]
    public void Flows_are_found_counted_and_deleted_by_their_mark(string service, string instances)
    {
        Declare(service, instances, "rr3");
        using var listener = Listen(service);
        var clients = new List<Socket>();
        var reached = new List<Socket>();
        for (var i = 0; i < 9; i++)
        {
            var socket = _client.Socket(SocketType.Stream, ProtocolType.Tcp, listener.AddressFamily);
            socket.Connect(IPAddress.Parse(service), Port);
            clients.Add(socket);
            reached.Add(listener.Accept());
        }

        Assert.Equal([(2u, 3), (3u, 3), (4u, 3)], _conntrack.CountByMark().OrderBy(static pair => pair.Key).Select(static pair => (pair.Key, pair.Value)));
        var marked = _conntrack.Flows(new FlowFilter { Mark = 3 });
        Assert.Equal(3, marked.Count);
        Assert.All(marked, flow =>
        {
            Assert.Equal(IPAddress.Parse(service), flow.Original.Destination);
            Assert.Equal(IPAddress.Parse(instances + "3"), flow.Reply.Source);
            Assert.Equal((Port, 6), (flow.Original.DestinationPort, flow.Original.Protocol));
            Assert.Equal(TcpFlowState.Established, flow.Tcp);
            Assert.True(flow.Status.HasFlag(FlowStatus.DestinationNat | FlowStatus.SeenReply | FlowStatus.Assured));
            Assert.True(flow.Timeout > TimeSpan.FromMinutes(1));
            Assert.Equal(flow.Reply, _conntrack.Find(flow.Original)!.Reply);
            Assert.Equal(flow.Original, _conntrack.FindByReply(flow.Reply)!.Original);
        });
        Assert.Equal(2, _conntrack.Flows(new FlowFilter { Mark = 3, Limit = 2 }).Count);
        Assert.Single(_conntrack.Flows(new FlowFilter { Where = flow => flow.Original == marked[0].Original }));
        Assert.True(_conntrack.Usage().Entries >= 9);

        _conntrack.DeleteByMark(3);
        Assert.Equal([2u, 4u], _conntrack.CountByMark().Keys.Order());
        Assert.Null(_conntrack.Find(marked[0].Original));

        var one = _conntrack.Flows(new FlowFilter { Mark = 2 })[0].Original;
        Assert.True(_conntrack.Delete(one));
        Assert.False(_conntrack.Delete(one));
        Assert.Equal(2, _conntrack.CountByMark()[2]);

        // The mask: 2 and 6 share the bit.
        _conntrack.DeleteByMark(6, mask: 2);
        Assert.Equal([4u], _conntrack.CountByMark().Keys);
        Assert.Equal(3, _conntrack.CountByMark(mask: 4)[4]);
        clients.Concat(reached).ToList().ForEach(static socket => socket.Dispose());
    }

    [Fact]
    public void Unmarked_flows_are_never_deleted()
    {
        using var listener = _server.Listen(new IPEndPoint(IPAddress.Any, Port));
        using var socket = _client.Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Parse("192.0.2.2"), Port);
        Assert.Throws<ArgumentException>(() => _conntrack.DeleteByMark(0));
        Assert.Throws<ArgumentException>(() => _conntrack.DeleteByMark(1, mask: 0));
        Assert.Throws<ArgumentException>(() => _conntrack.DeleteByMark(1, mask: 2));
        _conntrack.DeleteByMark(77);
        Assert.Contains(_conntrack.Flows(), static flow => flow.Original.DestinationPort == Port && flow.Mark == 0);
        Assert.Empty(_conntrack.CountByMark());
    }

    [Fact]
    public void An_echo_is_a_flow_too()
    {
        Declare("10.30.0.20", "10.18.0.", "rr3");
        _client.Run("ping", "-c", "1", "-w", "10", "10.30.0.20");
        var flow = Assert.Single(_conntrack.Flows(new FlowFilter { Where = static flow => flow.Original.Protocol == 1 }));
        Assert.Equal((8 << 8, 0), (flow.Original.DestinationPort, flow.Reply.DestinationPort));
        Assert.Equal(flow.Mark, _conntrack.Find(flow.Original)!.Mark);
        Assert.True(_conntrack.Delete(flow.Original));
    }

    private static string Table(string family, string range, string type) => $$"""
        table {{family}} gh {
          map slots { typeof {{family}} daddr . numgen inc mod 3 : {{family}} daddr
          }
          map svc { type {{type}} : verdict
          }
          map imark { type {{type}} : mark
          }
          chain rr3 { dnat to {{family}} daddr . numgen inc mod 3 map @slots
          }
          chain st3 { dnat to {{family}} daddr . jhash {{family}} saddr mod 3 seed 0x5eed map @slots
          }
          chain w3 { dnat to {{family}} daddr . numgen random mod 3 map @slots
          }
          chain pre { type nat hook prerouting priority -100
            {{family}} daddr {{range}} {{family}} daddr vmap @svc
          }
          chain tag { type filter hook input priority 0
            ct status dnat ct mark set {{family}} daddr map @imark
          }
        }

        """;

    private static byte[] Ip(string text) => NftValue.Address(IPAddress.Parse(text));

    private void Declare(string service, string instances, string chain)
    {
        var changes = new List<ElementChange> { new(ElementAction.Add, "svc", Ip(service), ElementData.Goto(chain)) };
        for (var slot = 0u; slot < 3; slot++)
        {
            var instance = Ip(instances + (slot + 2));
            changes.Add(new(ElementAction.Add, "slots", NftValue.Concat(Ip(service), NftValue.Slot(slot)), instance));
            changes.Add(new(ElementAction.Add, "imark", instance, NftValue.Mark(slot + 2)));
        }

        (service.Contains(':', StringComparison.Ordinal) ? _elements6 : _elements).Apply(changes.ToArray()).ThrowIfFailed();
    }

    private Socket Listen(string service)
        => _server.Listen(new IPEndPoint(service.Contains(':', StringComparison.Ordinal) ? IPAddress.IPv6Any : IPAddress.Any, Port));

    /// <summary>Connects to the service and returns the address that it reached.</summary>
    private string Connect(string service, Socket listener)
    {
        using var socket = _client.Socket(SocketType.Stream, ProtocolType.Tcp, listener.AddressFamily);
        socket.Connect(IPAddress.Parse(service), Port);
        using var accepted = listener.Accept();
        return ((IPEndPoint)accepted.LocalEndPoint!).Address.ToString();
    }
}

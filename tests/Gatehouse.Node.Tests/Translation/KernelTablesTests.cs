using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Gatehouse.Addressing.Balancing;
using Gatehouse.Linux;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Nftables;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;

namespace Gatehouse.Node.Tests.Translation;

/// <summary>The tables in a real kernel, in network namespaces of the test's own: loaded whole, and in parts as without root.</summary>
public sealed class KernelTablesTests : IDisposable
{
    private const string Table = "ghparts";
    private const int Port = 4_000;

    private static readonly RulesetShape Shape = new()
    {
        Table = Table,
        Devices = new("ghp-"),
        Underlay = IPAddress.Parse("192.168.7.1"),
        TunnelPort = 4789,
        Bridge4 = IPAddress.Parse("10.18.0.1"),
        Bridge6 = IPAddress.Parse("fc00::1"),
        Subnetwork4 = IPNetwork.Parse("10.18.0.0/26"),
        Subnetwork6 = IPNetwork.Parse("fc00::/120"),
    };

    private readonly NetworkNamespace _ns = Create();
    private readonly NetworkNamespace _other = Create();

    public void Dispose()
    {
        _ns.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void In_parts_or_whole_the_kernel_holds_the_same()
    {
        using var parts = new KernelTables(_ns, Table, inParts: true);
        using var whole = new KernelTables(_other, Table, inParts: false);
        Assert.False(parts.AreThere());
        foreach (var (shape, services) in new[] { (Shape, 40), (Shape with { ManagementPort = 11022 }, 60), (Shape with { Underlay = IPAddress.Parse("2001:db8::7") }, 7), (Shape, 0) })
        {
            var chain = new PolicyChain(ChainUse.Service, SlotDraw.Random, services + 10, 0);
            parts.Load(shape, [chain], Elements(services, "10.18.0.2"));
            whole.Load(shape, [chain], Elements(services, "10.18.0.2"));
            Assert.True(parts.AreThere());
            Assert.Equal(Listing(_other), Listing(_ns));
        }

        parts.Unload();
        Assert.Empty(Listing(_ns));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_rule_that_somebody_took_is_missed_also_between_changes_of_ours(bool thorough)
    {
        using var tables = new KernelTables(_ns, Table);
        using var nft = NftContext.Open(_ns);
        tables.Load(Shape, [], Elements(1, "10.18.0.2"));
        tables.Apply(Change("10.18.0.2", "10.18.0.3"));
        Assert.True(tables.AreThere(thorough));
        nft.Run($"add chain ip {Table} strange");
        tables.Apply(Change("10.18.0.3", "10.18.0.4"));
        Assert.False(tables.AreThere(thorough));
        nft.Run($"delete chain ip {Table} strange");
        tables.Apply(Change("10.18.0.4", "10.18.0.5"));
        Assert.True(tables.AreThere(thorough));
        nft.Run($"flush chain ip {Table} guard");
        Assert.False(tables.AreThere(thorough));

        static TableChange[] Change(string before, string after)
        {
            var (was, now) = (Elements(1, before).First(), Elements(1, after).First());
            return [new(now.Key, now.Value, was.Value)];
        }
    }

    [Fact]
    public void A_load_in_parts_gives_elements_their_new_values_and_ends_the_timed_ones()
    {
        using var tables = new KernelTables(_ns, Table, inParts: true);
        var schema = NftSchema.For(IpFamily.V4);
        var refused = NftElement.Member(schema.Refused, IPAddress.Parse("10.30.0.99")).For(TimeSpan.FromHours(1));
        tables.Load(Shape, [], [.. Elements(5, "10.18.0.2"), refused]);
        tables.Load(Shape, [], Elements(3, "10.18.0.9"));
        using var elements = NftElements.Open(NftFamily.Ip, Table, _ns);
        Assert.All(elements.Dump("slots"), e => Assert.Equal("10.18.0.9", new IPAddress(e.Data.Value.Span).ToString()));
        Assert.Equal((3, 3, 0), (elements.Dump("slots").Count, elements.Dump("svc").Count, elements.Dump("refused").Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Chains_of_every_use_and_draw_are_added_to_tables_that_serve(bool inParts)
    {
        using var tables = new KernelTables(_ns, Table, inParts);
        tables.Load(Shape, [], Elements(3, "10.18.0.2"));
        var before = Listing(_ns).Length;
        PolicyChain[] chains = [.. from use in Enum.GetValues<ChainUse>() from draw in Enum.GetValues<SlotDraw>() select new PolicyChain(use, draw, 23, 0)];
        tables.Add(chains);
        tables.Add(chains);
        Assert.Equal(2 * chains.Sum(c => 1 + c.Rules(IpFamily.V4).Count()), Listing(_ns).Length - before);
    }

    [Fact]
    public void Tables_that_cannot_be_changed_in_place_are_replaced()
    {
        using var nft = NftContext.Open(_ns);
        nft.Run($"table ip {Table} {{ set one {{ type inet_service; }}\n chain pre {{ type filter hook prerouting priority 7; }}\n}}\n");
        using var tables = new KernelTables(_ns, Table, inParts: true);
        tables.Load(Shape, [], Elements(2, "10.18.0.2"));
        using var whole = new KernelTables(_other, Table, inParts: false);
        whole.Load(Shape, [], Elements(2, "10.18.0.2"));
        Assert.Equal(Listing(_other), Listing(_ns));
    }

    /// <summary>Each datagram is of a flow of its own, so each is translated anew; one that meets tables without rules reaches nobody.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task While_the_tables_are_loaded_again_every_packet_is_translated(bool inParts)
    {
        using var tables = new KernelTables(_ns, Table, inParts);
        tables.Load(Shape, [], Elements(1, "10.18.0.2"));
        using var server = Udp(new IPEndPoint(IPAddress.Parse("10.18.0.2"), Port));
        using var loaded = new CancellationTokenSource();
        var loads = Task.Factory.StartNew(() => LoadAgain(tables, loaded), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var sent = 0;
        for (; !loaded.IsCancellationRequested || sent < 100; sent++) Ask(server, sent);
        await loads;
        Assert.True(sent >= 100);
    }

    private static void LoadAgain(KernelTables tables, CancellationTokenSource loaded)
    {
        try
        {
            for (var i = 0; i < 5; i++) tables.Load(Shape with { ManagementPort = 11_000 + i }, [], Elements(20 + i, "10.18.0.2"));
        }
        finally
        {
            loaded.Cancel();
        }
    }

    /// <summary>Loopback alone, no queue: what was sent is there, or was dropped, when the call returns.</summary>
    private void Ask(Socket server, int number)
    {
        using var client = Udp(new IPEndPoint(IPAddress.Any, 0));
        client.SendTo(BitConverter.GetBytes(number), new IPEndPoint(IPAddress.Parse("10.30.0.1"), Port));
        var buffer = new byte[4];
        Assert.True(server.Poll(TestKit.Patience.Limit, SelectMode.SelectRead), $"datagram {number} was lost");
        server.Receive(buffer);
        Assert.Equal(number, BitConverter.ToInt32(buffer));
    }

    private Socket Udp(IPEndPoint local) => _ns.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(local);
        return socket;
    });

    /// <summary>Services 10.30.0.1… with one instance each, and one address of each family that is refused.</summary>
    private static IEnumerable<NftElement> Elements(int services, string instance)
    {
        var schema = NftSchema.For(IpFamily.V4);
        for (var i = 1; i <= services; i++)
        {
            var service = IPAddress.Parse($"10.30.0.{i}");
            yield return NftElement.Map(schema.Slots, [IPAddress.Parse(instance)], service, 0u);
            yield return NftElement.Map(schema.Services, [new PolicyChain(ChainUse.Service, SlotDraw.Next, 1, 0).Code], service);
            yield return NftElement.Map(NftSchema.For(IpFamily.V6).One, [IPAddress.Parse($"fc00::{i:x}")], IPAddress.Parse($"fdff::{i:x}"));
            yield return NftElement.Map(schema.ExposedSlots, [IPAddress.Parse(instance), (ushort)80], IPAddress.Parse("203.0.113.1"), (byte)6, (ushort)i, 0u);
        }
    }

    private static NetworkNamespace Create()
    {
        var ns = NetworkNamespace.CreateUnnamed();
        using var route = RouteSocket.Open(ns);
        // In the place of the TUN device, which a rule names.
        route.CreateVeth(new VethOptions(Shape.Devices.Tun, "peer"));
        var lo = route.FindLink("lo")!.Index;
        route.SetLink(lo, new LinkChange { Up = true });
        foreach (var address in (string[])["10.18.0.1/26", "10.18.0.2/32", "10.30.0.0/16"]) route.AddAddress(lo, InterfaceAddress.Parse(address));
        return ns;
    }

    /// <summary>Everything of the tables but handles and order.</summary>
    private static string[] Listing(NetworkNamespace ns)
    {
        using var nft = NftContext.Open(ns);
        List<string> lines = [];
        var rules = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var item in JsonNode.Parse(nft.RunJson("list ruleset"))!["nftables"]!.AsArray())
        {
            if (item!["metainfo"] is not null) continue;
            var (kind, value) = item.AsObject().First();
            var body = value!.AsObject();
            body.Remove("handle");
            if (body["elem"] is JsonArray elements) body["elem"] = new JsonArray([.. elements.Select(e => e!.ToJsonString()).Order(StringComparer.Ordinal).Select(t => (JsonNode)t)]);

            // Rules keep their order within a chain.
            var chain = $"{body["family"]} {body["chain"]}";
            lines.Add(kind == "rule" ? $"{chain} {rules[chain] = rules.GetValueOrDefault(chain) + 1}: {body["expr"]!.ToJsonString()}" : $"{kind} {body.ToJsonString()}");
        }

        return [.. lines.Order(StringComparer.Ordinal)];
    }
}

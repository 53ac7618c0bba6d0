using System.Net;
using Gatehouse.Node.Peers;
using Gatehouse.Node.Ruleset;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;

namespace Gatehouse.Node.Tests.Peers;

public sealed class PeerTests
{
    private static readonly PeerPlan Plan = new(5, IPAddress.Parse("10.18.0.1"), IPAddress.Parse("fc00::1"));

    [Fact]
    public void Elements_OfAGatewayWithBindings_AreTheGoldenOnes() => GoldenFile.Check(
        string.Join('\n', PeerElements.Of(Target("w2", 1, gateway: true, 9)).Select(e => $"{e.Key.Set}: {e.Text}")), "gateway.elements");

    [Fact]
    public void Plan_OfAGatewayWithBindings_IsTheGoldenOne()
    {
        var peer = Target("w2", 1, gateway: true, 9);
        GoldenFile.Check(
            string.Join('\n', [Plan.Fdb(peer).ToString(), .. Plan.Neighbours(peer).Select(n => $"{n} {n.Mac}"), .. Plan.Routes(peer).Select(r => $"{r} source {r.Source} onlink {r.OnLink}"),
                .. PeerPlan.Rules(peer).Select(r => $"{r} {r.Family} mark 0x{r.Mark:x}")]), "gateway.plan");
    }

    [Theory]
    [InlineData("nonsense", "10.18.0.0/26", "fc00::/120")]
    [InlineData("192.0.2.2", "10.18.0.0", "fc00::/120")]
    [InlineData("192.0.2.2", "10.18.0.0/26", "")]
    [InlineData("192.0.2.2", null, null)]
    public void From_WithoutUnderlayOrSubnetwork_IsNoPeer(string underlay, string? four, string? six) => Assert.Null(PeerTarget.From(new()
    {
        Spec = new() { Cluster = "c1", Worker = "w", Underlay = underlay, Subnetwork = four is null ? null : new(0, four, six!) },
    }));

    /// <summary>Whatever comes and goes in whatever order, the small batches add up to what the whole says.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Wish_SmallSteps_AddUpToTheWhole(int seed)
    {
        var random = new Random(seed);
        var peers = new Dictionary<string, PeerTarget>(StringComparer.Ordinal);
        var wish = KernelWish.Empty;
        for (var step = 0; step < 300; step++)
        {
            var number = random.Next(6);
            var name = $"c1.w{number}";
            var next = random.Next(4) == 0 ? null : Target($"w{number}", number, random.Next(2) == 0, random.Next(20) + (number * 20));
            (string, PeerTarget?)[] moved = [(name, next)];
            var after = wish.With(Plan, moved);
            var batch = wish.To(after, Plan, moved);
            Assert.Equal(wish.To(after).Count, batch.Count);
            if (next is null) peers.Remove(name);
            else peers[name] = next;
            wish = after;

            Assert.Equal(0, wish.To(KernelWish.Of(Plan, peers.Values)).Count);
            Assert.Equal(0, KernelWish.Of(Plan, peers.Values).To(wish).Count);
        }
    }

    [Fact]
    public void Wish_InstanceThatMoved_KeepsItsNewRouteWhenTheOldWorkerLosesIt()
    {
        var (old, fresh) = (Target("w1", 1, false, 9), Target("w2", 2, false, 9));
        var wish = KernelWish.Of(Plan, [old, fresh]);
        var route = Plan.Routes(fresh).First(r => r.Destination.PrefixLength == 32);

        wish = wish.With(Plan, [("c1.w1", old with { Bindings = [] })]);

        Assert.True(wish.Wants(route));
    }

    private static PeerTarget Target(string worker, int index, bool gateway, int binding) => PeerTarget.From(new()
    {
        Spec = new()
        {
            Cluster = "c1",
            Worker = worker,
            Underlay = $"192.0.2.{index + 10}",
            PublicAddresses = gateway ? ["203.0.113.1"] : [],
            Subnetwork = new(index, $"10.18.{index / 4}.{index % 4 * 64}/26", $"fc00::{index:x}00/120"),
            Bindings = [new(new($"10.30.0.{binding}", $"fdff::{binding:x}"), new($"10.18.{index / 4}.{(index % 4 * 64) + 2}", $"fc00::{index:x}02"))],
        },
    })!;
}

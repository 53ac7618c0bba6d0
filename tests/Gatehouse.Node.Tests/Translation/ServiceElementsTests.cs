using System.Net;
using Gatehouse.Node.Exposures;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;

namespace Gatehouse.Node.Tests.Translation;

public sealed class ServiceElementsTests
{
    private static readonly IPAddress Four = IPAddress.Parse("10.30.0.5");
    private static readonly IPAddress Six = IPAddress.Parse("fdff:2000::5");

    [Theory]
    [InlineData(BalancingPolicy.RoundRobin)]
    [InlineData(BalancingPolicy.Weighted)]
    [InlineData(BalancingPolicy.LeastLoaded)]
    [InlineData(BalancingPolicy.Sticky)]
    [InlineData(BalancingPolicy.Closest)]
    public void Of_EachPolicy_IsTheGoldenElements(BalancingPolicy policy)
    {
        Target[] targets = [Instance(0, "w1", 1), Instance(1, "w2", 2), Instance(2, "w2", 1)];
        var text = new[] { Four, Six }.SelectMany(a => ServiceElements.Of(ServiceElements.Choose(new(policy, a), targets, "c1.w2")))
            .Concat(targets.SelectMany(ServiceElements.Of)).Select(e => $"{e.Key.Set}: {e.Text}");

        GoldenFile.Check(string.Join('\n', text), $"{policy}.elements");
    }

    [Fact]
    public void Of_NobodyThere_KnowsAndRefusesTheAddress()
    {
        var elements = ServiceElements.Of(ServiceElements.Choose(new(BalancingPolicy.RoundRobin, Four), [], null));
        Assert.Equal(["known 10.30.0.5", "refused 10.30.0.5"], elements.Select(e => $"{e.Key.Set.Name} {e.Text}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Choose_InstanceWithoutThatFamily_IsLeftOutThereAlone()
    {
        var four = Instance(0, "w1", 1) with { Namespace6 = null };
        Assert.Single(ServiceElements.Choose(new(BalancingPolicy.RoundRobin, Four), [four], null).Targets);
        Assert.Null(ServiceElements.Choose(new(BalancingPolicy.RoundRobin, Six), [four], null).Chain);
    }

    [Fact]
    public void From_TextThatIsNoAddress_CountsAsMissing()
    {
        var target = Target.From(new() { Number = 1, Cluster = "c", Worker = "w", Instance = new("10.30.0.1", "nonsense"), NamespaceAddress = new("fc00::1", null) });
        Assert.Equal((IPAddress.Parse("10.30.0.1"), null, null, null, 0u), (target.Instance4, target.Instance6, target.Namespace4, target.Namespace6, target.Mark));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exposure_LeadsToTheSlotsOfItsService(bool keeps)
    {
        Target[] targets = [Instance(0, "w1", 1), Instance(1, "w2", 1)];
        var slots = ServiceElements.Choose(new(BalancingPolicy.RoundRobin, Four), targets, null);
        var view = new ServiceView("web", 1, targets, [slots], null);
        ExposureTarget Exposure(IPAddress service) => new("e", [IPAddress.Parse("203.0.113.1")], 17, 53, service, 5353, keeps);

        var (elements, chains) = ExposureElements.Of(Exposure(Four), view);
        Assert.Equal(
            [
                "203.0.113.1 . 17 . 53 . 0 : 10.18.0.2 . 5353", "203.0.113.1 . 17 . 53 . 1 : 10.18.0.3 . 5353",
                $"203.0.113.1 . 17 . 53 : 0x{Assert.Single(chains).Code:x8}",
            ],
            elements.Select(e => e.Text));
        Assert.StartsWith(keeps ? "k_rr2_" : "e_rr2_", chains[0].Name, StringComparison.Ordinal);
        Assert.Single(ExposureElements.Of(Exposure(targets[1].Instance4!), view).Elements, e => e.Text == "203.0.113.1 . 17 . 53 . 0 : 10.18.0.3 . 5353");
        Assert.Empty(ExposureElements.Of(Exposure(Four), null).Elements);
        Assert.Empty(ExposureElements.Of(Exposure(IPAddress.Parse("10.30.9.9")), view).Elements);
    }

    private static Target Instance(int number, string worker, int weight) => new()
    {
        Number = number,
        Cluster = "c1",
        Worker = worker,
        Weight = weight,
        Load = number,
        Instance4 = IPAddress.Parse($"10.30.1.{number}"),
        Instance6 = IPAddress.Parse($"fdff::{number + 1:x}"),
        Namespace4 = IPAddress.Parse($"10.18.0.{number + 2}"),
        Namespace6 = IPAddress.Parse($"fc00::{number + 2:x}"),
    };
}

using Gatehouse.Cluster.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Tests.Gateways;

public class GatewayPlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);
    private readonly WorkerTable _workers = new();
    private readonly GatewayClaims _claims = new();

    [Fact]
    public void Decide_SeveralAvailable_TakesTheFirstOfTheDescriptor()
    {
        Put("w2", "192.0.2.2");
        Put("w1", "192.0.2.1");

        var status = Decide(Host("192.0.2.1", "192.0.2.2"));

        Assert.Equal(("w1", GatewayHostPhase.Scheduled), (status.Worker, status.Phase));
        Assert.Equal(["192.0.2.1"], status.PublicAddresses);
        Assert.Equal(new AddressPair("10.18.0.1", "fc00::1"), status.Internal);
        Assert.Equal(0, status.Takeovers);
        Assert.False(string.IsNullOrEmpty(status.GatewayId));
    }

    [Fact]
    public void Decide_WorkerWithTwoOfTheAddresses_HasBothInTheDescriptorsOrder()
    {
        Put("w1", "2001:db8::1", "192.0.2.9");

        Assert.Equal(["192.0.2.9", "2001:db8::1"], Decide(Host("192.0.2.9", "2001:DB8:0::1")).PublicAddresses);
    }

    [Fact]
    public void Decide_NobodyFits_NamesEachCandidateAndWhyNot()
    {
        Put("away", "192.0.2.1", phase: PresencePhase.Away);
        Put("unseen", "192.0.2.2", phase: PresencePhase.Pending);
        Put("plain", "192.0.2.3", gateway: false);
        Put("bare", "192.0.2.4", subnetwork: false);
        Put("busy", "192.0.2.5");
        _claims.Put(Host("198.51.100.1") with { Metadata = new ObjectMeta { Name = "other" }, Status = new GatewayHostStatus { Worker = "busy" } });
        _claims.Put(Host("192.0.2.7") with { Metadata = new ObjectMeta { Name = "older", CreationTimestamp = Now.AddDays(-1) } });

        var status = Decide(Host("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"));

        Assert.Equal(GatewayHostPhase.NoWorker, status.Phase);
        Assert.Null(status.Worker);
        Assert.Contains("192.0.2.1: worker away is away since 2026-11-20 08:59:00Z", status.Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.2: worker unseen is known and was not seen yet", status.Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.3: worker plain runs no gateway role", status.Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.4: worker bare has no subnetwork yet", status.Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.5: worker busy serves gateway other", status.Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.6: no worker of this cluster has this address", status.Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.7: the address belongs to gateway older", status.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GatewayHostPhase.Ready)]
    [InlineData(GatewayHostPhase.Registered)]
    [InlineData(GatewayHostPhase.Scheduled)]
    public void Decide_ServingWorkerIsThere_NothingChanges(GatewayHostPhase phase)
    {
        Put("w1", "192.0.2.1");
        Put("w2", "192.0.2.2");
        var first = Decide(Host("192.0.2.1", "192.0.2.2")) with { Phase = phase, Message = GatewayPlan.PhaseMessage(phase, "w1") };

        Assert.True(GatewayState.Same(first, Decide(Host("192.0.2.1", "192.0.2.2") with { Status = first })));
    }

    [Fact]
    public void Decide_BetterCandidateComesBack_TheOneThatServesStays()
    {
        Put("w1", "192.0.2.1");
        Put("w2", "192.0.2.2");
        var host = Host("192.0.2.1", "192.0.2.2") with { Status = Ready("w2", "192.0.2.2") };

        var status = Decide(host);

        Assert.Equal(("w2", GatewayHostPhase.Ready, 0), (status.Worker, status.Phase, status.Takeovers));
    }

    [Fact]
    public void Decide_ServingWorkerIsAway_TheNextTakesOverAndItIsSaid()
    {
        Put("w1", "192.0.2.1", phase: PresencePhase.Away);
        Put("w2", "192.0.2.2");
        var host = Host("192.0.2.1", "192.0.2.2") with { Status = Ready("w1", "192.0.2.1") with { Listeners = [new(Protocol.Tcp, null, 80)], GatewayId = "g1" } };

        var status = Decide(host);

        Assert.Equal(("w2", GatewayHostPhase.Scheduled, 1, "g1"), (status.Worker, status.Phase, status.Takeovers, status.GatewayId));
        Assert.Equal("w2 took over from w1 at 2026-11-20 09:00:00Z: worker w1 is away since 2026-11-20 08:59:00Z", status.LastTakeover);
        Assert.Empty(status.Listeners);
        Assert.Equal(["192.0.2.2"], status.PublicAddresses);
    }

    [Fact]
    public void Decide_ServingWorkerIsGoneForGood_TheReasonSaysSo()
    {
        Put("w2", "192.0.2.2");

        Assert.EndsWith("worker w1 is gone", Decide(Host("192.0.2.1", "192.0.2.2") with { Status = Ready("w1", "192.0.2.1") }).LastTakeover, StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_ServingWorkerIsAwayAndAlone_StaysNamedAndComesBackWithoutATakeover()
    {
        Put("w1", "192.0.2.1", phase: PresencePhase.Away);
        var away = Decide(Host("192.0.2.1") with { Status = Ready("w1", "192.0.2.1") });
        Put("w1", "192.0.2.1");
        var back = Decide(Host("192.0.2.1") with { Status = away });

        Assert.Equal((GatewayHostPhase.NoWorker, "w1"), (away.Phase, away.Worker));
        Assert.Equal((GatewayHostPhase.Scheduled, "w1", 0), (back.Phase, back.Worker, back.Takeovers));
    }

    [Fact]
    public void Decide_AddressTakenFromTheDescriptor_AnotherWorkerTakesOver()
    {
        Put("w1", "192.0.2.1");
        Put("w2", "192.0.2.2");

        var status = Decide(Host("192.0.2.2") with { Status = Ready("w1", "192.0.2.1") });

        Assert.Equal(("w2", 1), (status.Worker, status.Takeovers));
        Assert.EndsWith("has none of the gateway's addresses any more", status.LastTakeover, StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_ChosenIdentifier_IsHonoured()
    {
        Put("w1", "192.0.2.1");
        var host = Host("192.0.2.1");

        Assert.Equal("chosen", Decide(host with { Spec = host.Spec with { GatewayId = "chosen" } }).GatewayId);
    }

    [Fact]
    public void Decide_TwoWorkersSayTheyHaveTheAddress_TheOneThatIsThereIsAsked()
    {
        Put("a", "192.0.2.1", phase: PresencePhase.Away);
        Put("b", "192.0.2.1");

        Assert.Equal("b", Decide(Host("192.0.2.1")).Worker);
    }

    private static GatewayHostStatus Ready(string worker, params string[] addresses) => new()
    {
        Phase = GatewayHostPhase.Ready,
        Worker = worker,
        PublicAddresses = addresses,
        GatewayId = "id",
        Internal = new AddressPair("10.18.0.1", "fc00::1"),
    };

    private static GatewayHost Host(params string[] addresses) => new()
    {
        Metadata = new ObjectMeta { Name = "gw", Uid = "5f0c-1", CreationTimestamp = Now },
        Spec = new GatewayHostSpec { Cluster = "c1", PublicAddresses = addresses },
    };

    private GatewayHostStatus Decide(GatewayHost host)
    {
        _claims.Put(host);
        return GatewayPlan.Decide(host, _workers, _claims, Now);
    }

    private void Put(string name, string address, string? second = null, PresencePhase phase = PresencePhase.Ready, bool gateway = true, bool subnetwork = true) => _workers.Put(new Worker
    {
        Metadata = new ObjectMeta { Name = name },
        Spec = new WorkerSpec { Underlay = "198.51.100.9", PublicAddresses = second is null ? [address] : [address, second], Gateway = gateway },
        Status = new WorkerStatus { Phase = phase, Since = Now.AddMinutes(-1), Subnetwork = subnetwork ? new SubnetworkRange(0, "10.18.0.0/26", "fc00::/120") : null },
    });
}

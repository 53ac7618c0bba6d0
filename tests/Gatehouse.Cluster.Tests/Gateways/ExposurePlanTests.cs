using Gatehouse.Cluster.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Tests.Gateways;

public class ExposurePlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Decide_EverythingThere_IsScheduledOnTheWorkersAddressesOfTheFamily()
    {
        var decision = ExposurePlan.Decide(New(), Around());

        Assert.Equal((ExposurePhase.Scheduled, "w1"), (decision.Status.Phase, decision.Status.Worker));
        Assert.Equal(["192.0.2.1", "192.0.2.9"], decision.Status.PublicAddresses);
        Assert.True(decision.NeedsId);
        Assert.False(decision.Ask);
    }

    [Fact]
    public void Decide_Ipv6Service_TakesTheIpv6Address() =>
        Assert.Equal(["2001:db8::1"], ExposurePlan.Decide(New(service: "fdff:2000::1"), Around()).Status.PublicAddresses);

    [Fact]
    public void Decide_PinnedInAnotherSpelling_TakesThatAddressAlone()
    {
        Assert.Equal(["192.0.2.9"], ExposurePlan.Decide(New(pin: "192.0.2.9"), Around()).Status.PublicAddresses);
        Assert.Equal(["2001:db8::1"], ExposurePlan.Decide(New(service: "fdff:2000::1", pin: "2001:0DB8::1"), Around()).Status.PublicAddresses);
    }

    public static TheoryData<ExposurePhase, ProgrammedExposure?, string?> Words => new()
    {
        { ExposurePhase.Scheduled, null, "worker w1 was told; its kernel tables do not hold it yet" },
        { ExposurePhase.Active, Word(), null },
        { ExposurePhase.Scheduled, Word() with { Missing = "10.30.0.1 has no instance that takes traffic" }, "worker w1 does not serve it yet: 10.30.0.1 has no instance that takes traffic" },
        { ExposurePhase.Scheduled, Word() with { Worker = "w2" }, "worker w1 was told; its kernel tables do not hold it yet" },
        { ExposurePhase.Scheduled, Word() with { Generation = 4 }, "worker w1 was told; its kernel tables do not hold it yet" },
        { ExposurePhase.Scheduled, Word() with { PublicAddresses = ["192.0.2.1"] }, "worker w1 was told; its kernel tables do not hold it yet" },
        { ExposurePhase.Scheduled, Word() with { Generation = 4, Missing = "an old reason" }, "worker w1 was told; its kernel tables do not hold it yet" },
    };

    [Theory]
    [MemberData(nameof(Words))]
    public void Decide_ByTheWorkersWord_IsActiveOrSaysWhatIsMissing(ExposurePhase phase, ProgrammedExposure? word, string? message)
    {
        foreach (var before in (ExposurePhase[])[ExposurePhase.Pending, ExposurePhase.Scheduled, ExposurePhase.Active])
        {
            var status = ExposurePlan.Decide(New() with { Status = Active() with { Phase = before, Programmed = word } }, Around()).Status;

            Assert.Equal((phase, message), (status.Phase, status.Message));
            Assert.Equal(word?.Worker == "w2" ? null : word, status.Programmed);
        }
    }

    public static TheoryData<string, string, GatewayHostPhase?, string?> Waiting => new()
    {
        { "there is no gateway gw in this cluster", "10.30.0.1", null, null },
        { "gateway gw has no worker: nobody", "10.30.0.1", GatewayHostPhase.NoWorker, null },
        { "worker w1 is not ready to forward", "10.30.0.1", GatewayHostPhase.Registered, "w1" },
        { "10.30.77.7 is no known service or instance address so far", "10.30.77.7", GatewayHostPhase.Ready, "w1" },
    };

    [Theory]
    [MemberData(nameof(Waiting))]
    public void Decide_SomethingIsMissing_IsPendingAndSaysWhat(string message, string service, GatewayHostPhase? phase, string? worker)
    {
        var gateway = phase is { } p ? Gateway(p, worker) with { } : null;
        if (phase == GatewayHostPhase.NoWorker) gateway = gateway! with { Status = gateway.Status! with { Message = "nobody" } };

        var decision = ExposurePlan.Decide(New(service: service), Around(gateway, hasGateway: phase is not null, isKnown: service == "10.30.0.1"));

        Assert.Equal(ExposurePhase.Pending, decision.Status.Phase);
        Assert.Contains(message, decision.Status.Message, StringComparison.Ordinal);
        Assert.Equal(worker is not null && service != "10.30.0.1", decision.Ask);
    }

    [Theory]
    [InlineData(22, Protocol.Tcp, "TCP 22 is reserved for SSH")]
    [InlineData(11_022, Protocol.Tcp, "management API")]
    [InlineData(7443, Protocol.Tcp, "root's API")]
    [InlineData(7444, Protocol.Tcp, "cluster's API")]
    [InlineData(4789, Protocol.Udp, "tunnel")]
    [InlineData(5555, Protocol.Udp, "UDP 5555 is reserved for the tunnel between workers")]
    [InlineData(53, Protocol.Udp, "listens on 192.0.2.1")]
    [InlineData(80, Protocol.Tcp, "listens on every address")]
    public void Decide_PortOfTheHost_IsRefusedWithReason(int port, Protocol protocol, string message)
    {
        var decision = ExposurePlan.Decide(New(port: port, protocol: protocol), Around());

        Assert.Equal((ExposurePhase.Refused, null), (decision.Status.Phase, decision.Status.Worker));
        Assert.Contains(message, decision.Status.Message, StringComparison.Ordinal);
        Assert.False(decision.NeedsId);
    }

    [Theory]
    [InlineData(22, Protocol.Udp)]
    [InlineData(4789, Protocol.Tcp)]
    [InlineData(80, Protocol.Udp)]
    [InlineData(53, Protocol.Tcp)]
    public void Decide_SamePortOfTheOtherProtocol_IsScheduled(int port, Protocol protocol) =>
        Assert.Equal(ExposurePhase.Scheduled, ExposurePlan.Decide(New(port: port, protocol: protocol), Around()).Status.Phase);

    [Fact]
    public void Decide_ListenerOnAnotherAddress_HidesNothingOfAPinnedOne() =>
        Assert.Equal(ExposurePhase.Scheduled, ExposurePlan.Decide(New(port: 53, protocol: Protocol.Udp, pin: "192.0.2.9"), Around()).Status.Phase);

    [Fact]
    public void Decide_ListenerThatComesLater_IsHiddenAndSaid()
    {
        var active = New(port: 80) with { Status = Active() };

        var status = ExposurePlan.Decide(active, Around()).Status;

        Assert.Equal(ExposurePhase.Active, status.Phase);
        Assert.Contains("hides a program on worker w1", status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_SomebodyHasThePort_NamesThemAndWhereTheyLead()
    {
        var holder = New(service: "10.30.0.5") with { Metadata = new ObjectMeta { Name = "first" } };

        var status = ExposurePlan.Decide(New(), Around(holder: holder)).Status;

        Assert.Equal(ExposurePhase.Refused, status.Phase);
        Assert.Equal("TCP 8080 of gateway gw is held by exposure first, which leads to 10.30.0.5:80", status.Message);
    }

    [Fact]
    public void Decide_PinnedToAnAddressOfTheLostWorker_WaitsAndSaysWhy()
    {
        var status = ExposurePlan.Decide(New(pin: "192.0.2.50") with { Status = Active() }, Around()).Status;

        Assert.Equal((ExposurePhase.Pending, null), (status.Phase, status.Worker));
        Assert.Equal("worker w1, which serves gateway gw, does not have 192.0.2.50", status.Message);
    }

    [Fact]
    public void Decide_ServiceIsForgotten_WhatServesGoesOn()
    {
        var status = ExposurePlan.Decide(New() with { Status = Active() }, Around(isKnown: false)).Status;

        Assert.Equal(ExposurePhase.Active, status.Phase);
        Assert.Contains("no known service or instance address any more", status.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GatewayHostPhase.NoWorker)]
    [InlineData(GatewayHostPhase.Scheduled)]
    [InlineData(GatewayHostPhase.Registered)]
    public void Decide_SameWorkerRegistersAnew_WhatServesGoesOn(GatewayHostPhase phase) =>
        Assert.Equal(ExposurePhase.Active, ExposurePlan.Decide(New() with { Status = Active() }, Around(Gateway(phase, "w1"))).Status.Phase);

    [Fact]
    public void Decide_AnotherWorkerTookOver_MovesWithItsIdentifier()
    {
        var scheduled = ExposurePlan.Decide(New() with { Status = Active() }, Around(Gateway(GatewayHostPhase.Scheduled, "w2")));
        var ready = ExposurePlan.Decide(New() with { Status = scheduled.Status }, Around(Gateway(GatewayHostPhase.Ready, "w2")));
        var said = ExposurePlan.Decide(New() with { Status = ready.Status with { Programmed = Word() with { Worker = "w2" } } }, Around(Gateway(GatewayHostPhase.Ready, "w2")));

        Assert.Equal((ExposurePhase.Pending, "w2", 7, null), (scheduled.Status.Phase, scheduled.Status.Worker, scheduled.Status.Id, scheduled.Status.Programmed));
        Assert.Equal((ExposurePhase.Scheduled, "w2", 7, null), (ready.Status.Phase, ready.Status.Worker, ready.Status.Id, ready.Status.Programmed));
        Assert.Equal((ExposurePhase.Active, "w2", 7), (said.Status.Phase, said.Status.Worker, said.Status.Id));
        Assert.False(ready.NeedsId);
    }

    [Fact]
    public void Decide_Decided_IsStable()
    {
        var first = ExposurePlan.Decide(New(), Around()).Status with { Id = 3 };

        Assert.True(GatewayState.Same(first, ExposurePlan.Decide(New() with { Status = first }, Around()).Status));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Decide_WithdrawnOrDeletedWhileActive_DrainsUntilTheDeadline(bool bySpec)
    {
        var exposure = Leaving(New() with { Status = Active() }, bySpec);

        var began = ExposurePlan.Decide(exposure, Around());
        var draining = exposure with { Status = began.Status };
        var later = ExposurePlan.Decide(draining with { Status = draining.Status! with { Flows = 3 } }, Around(now: Now.AddSeconds(59)));
        var over = ExposurePlan.Decide(draining with { Status = draining.Status! with { Flows = 3 } }, Around(now: Now.AddSeconds(60)));

        Assert.Equal((ExposurePhase.Draining, Now, null, 7), (began.Status.Phase, began.Status.DrainingSince, began.Status.Flows, began.Status.Id));
        Assert.Equal(Now.AddSeconds(60), began.RecheckAt);
        Assert.Equal(ExposurePhase.Draining, later.Status.Phase);
        Assert.Equal((ExposurePhase.Withdrawn, null, false), (over.Status.Phase, over.Status.Flows, over.Remove));
        Assert.Equal(Now.AddSeconds(90), over.RecheckAt);
        Assert.Contains("the deadline of 60 s passed with 3 flows open", over.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_DrainingAndNoFlowLeft_IsWithdrawnAtOnce()
    {
        var exposure = Leaving(New() with { Status = Active() with { Phase = ExposurePhase.Draining, DrainingSince = Now, Flows = 0 } }, bySpec: true);

        var status = ExposurePlan.Decide(exposure, Around(now: Now.AddSeconds(1))).Status;

        Assert.Equal((ExposurePhase.Withdrawn, "withdrawn: its last flow ended"), (status.Phase, status.Message));
    }

    public static TheoryData<bool, ExposureStatus, GatewayHost, int> Ends => new()
    {
        { false, Ended(), Gateway(GatewayHostPhase.Ready, "w1"), 89 },
        { false, Ended() with { Flows = 2 }, Gateway(GatewayHostPhase.Registered, "w1"), 0 },
        { true, Ended(), Gateway(GatewayHostPhase.Ready, "w1"), 90 },
        { true, Ended() with { Flows = 0 }, Gateway(GatewayHostPhase.Ready, "w1"), 0 },
        { true, Ended(), Gateway(GatewayHostPhase.NoWorker, "w1"), 0 },
        { true, Ended(), Gateway(GatewayHostPhase.Ready, "w2"), 0 },
        { true, Ended() with { Worker = null }, Gateway(GatewayHostPhase.Ready, "w1"), 0 },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void Decide_Withdrawn_GoesWhenTheWorkerSaidSoOrCannot(bool goes, ExposureStatus status, GatewayHost gateway, int after)
    {
        var decision = ExposurePlan.Decide(Leaving(New() with { Status = status }, bySpec: true), Around(gateway, now: Now.AddSeconds(after)));

        Assert.Equal((goes, status.Message), (decision.Remove, decision.Status.Message));
        Assert.Equal(goes ? null : Now.AddSeconds(90), decision.RecheckAt);
    }

    [Fact]
    public void Decide_DrainingOnAWorkerThatIsLost_IsWithdrawn()
    {
        var exposure = Leaving(New() with { Status = Active() with { Phase = ExposurePhase.Draining, DrainingSince = Now } }, bySpec: false);

        Assert.Equal(ExposurePhase.Withdrawn, ExposurePlan.Decide(exposure, Around(Gateway(GatewayHostPhase.Ready, "w2"))).Status.Phase);
    }

    [Theory]
    [InlineData(ExposurePhase.Pending)]
    [InlineData(ExposurePhase.Refused)]
    public void Decide_WithdrawnBeforeItServed_NeedsNoDrain(ExposurePhase phase)
    {
        var exposure = Leaving(New() with { Status = new ExposureStatus { Phase = phase, Worker = "w1" } }, bySpec: true);

        var decision = ExposurePlan.Decide(exposure, Around());

        Assert.Equal((ExposurePhase.Withdrawn, true), (decision.Status.Phase, decision.Remove));
    }

    [Theory]
    [InlineData(ExposurePhase.Scheduled)]
    [InlineData(ExposurePhase.Active)]
    public void Decide_DrainOfZero_EndsFlowsAtOnceAndGoesWithTheWorkersWord(ExposurePhase phase)
    {
        var exposure = Leaving(New() with { Status = Active() with { Phase = phase } }, bySpec: true);

        var decision = ExposurePlan.Decide(exposure with { Spec = exposure.Spec with { DrainSeconds = 0 } }, Around());

        Assert.Equal((ExposurePhase.Withdrawn, false), (decision.Status.Phase, decision.Remove));
    }

    private static Exposure Leaving(Exposure exposure, bool bySpec) => bySpec
        ? exposure with { Spec = exposure.Spec with { Withdraw = true } }
        : exposure with { Metadata = exposure.Metadata with { DeletionTimestamp = Now } };

    private static ExposureStatus Active() => new() { Phase = ExposurePhase.Active, Worker = "w1", Id = 7, PublicAddresses = ["192.0.2.1", "192.0.2.9"], Programmed = Word() };

    private static ExposureStatus Ended() => Active() with { Phase = ExposurePhase.Withdrawn, DrainingSince = Now, Programmed = null, Message = "withdrawn" };

    private static ProgrammedExposure Word() => new() { Worker = "w1", Generation = 5, PublicAddresses = ["192.0.2.1", "192.0.2.9"] };

    private static Exposure New(string service = "10.30.0.1", string? pin = null, int port = 8080, Protocol protocol = Protocol.Tcp) => new()
    {
        Metadata = new ObjectMeta { Name = "e", Generation = 5 },
        Spec = new ExposureSpec { Gateway = "gw", Cluster = "c1", Port = port, Protocol = protocol, ServiceAddress = service, ServicePort = 80, PublicAddress = pin },
    };

    private static GatewayHost Gateway(GatewayHostPhase phase, string? worker) => new()
    {
        Metadata = new ObjectMeta { Name = "gw" },
        Status = new GatewayHostStatus
        {
            Phase = phase,
            Worker = worker,
            PublicAddresses = worker is null ? [] : ["192.0.2.1", "2001:db8::1", "192.0.2.9"],
            Listeners = [new(Protocol.Tcp, null, 80), new(Protocol.Udp, "192.0.2.1", 53)],
        },
    };

    private static ExposureSurroundings Around(GatewayHost? gateway = null, bool hasGateway = true, Exposure? holder = null, bool isKnown = true, DateTimeOffset? now = null) => new(
        hasGateway ? gateway ?? Gateway(GatewayHostPhase.Ready, "w1") : null, 5555, holder, isKnown, ReservedPort.Defaults, TimeSpan.FromSeconds(30), now ?? Now);
}

using System.Net;
using Gatehouse.Node.Instances;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Tests.Instances;

public sealed class InstancePlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly NodeOptions Options = new() { Name = "w1", Underlay = IPAddress.Parse("192.0.2.1"), StateDirectory = "/nowhere", RunsProcesses = true };
    private static readonly AddressPair Space = new("10.18.0.2", "fc00::2");
    private static readonly AddressPair Own = new("10.30.0.9", "fdff::9");

    /// <summary>object: - none, P pending, p pending with a process, R running, D draining, X dead, U undeployed and running, u undeployed and pending. attached: - none, a alive, x dead, e alive and never declared.</summary>
    [Theory]
    [InlineData("-", "-", "None")]
    [InlineData("P", "-", "None")] // the node engine brings it
    [InlineData("p", "-", "Start")]
    [InlineData("R", "-", "ReportDead")] // this worker lost it
    [InlineData("D", "-", "ReportDead")]
    [InlineData("X", "-", "None")]
    [InlineData("U", "-", "ReportDead")]
    [InlineData("u", "-", "ReportDead")]
    [InlineData("-", "e", "Declare")]
    [InlineData("-", "a", "BeginDrain")] // it was deleted
    [InlineData("P", "a", "Adopt")]
    [InlineData("p", "a", "Adopt")]
    [InlineData("P", "e", "Adopt")]
    [InlineData("R", "a", "None")]
    [InlineData("X", "a", "Adopt")] // its worker was taken for dead and is back
    [InlineData("U", "a", "BeginDrain")]
    [InlineData("-", "x", "End")]
    [InlineData("R", "x", "End")]
    [InlineData("U", "x", "End")]
    public void Decide_ByObjectAndAttachment(string wanted, string attached, string step) =>
        Assert.Equal(step, InstancePlan.Decide(new(Object(wanted), true, Attached(attached), attached != "x", null, null), Options, Now).Step.ToString());

    [Theory]
    [InlineData("-", "a", "None")] // missing may mean: not asked yet
    [InlineData("-", "e", "None")]
    [InlineData("-", "x", "End")] // death needs nobody's word
    public void Decide_BeforeTheClusterAnswered_NothingIsConcludedFromAMissingObject(string wanted, string attached, string step) =>
        Assert.Equal(step, InstancePlan.Decide(new(Object(wanted), false, Attached(attached), attached != "x", null, null), Options, Now).Step.ToString());

    [Theory]
    [InlineData(0.5, 0, "Wait")] // other workers may not know yet
    [InlineData(1.5, 0, "End")]
    [InlineData(1.5, 3, "Wait")]
    [InlineData(29, 3, "Wait")]
    [InlineData(30, 3, "End")]
    [InlineData(30, null, "End")]
    public void Decide_Draining_EndsWithTheLastFlowOrAtTheDeadline(double seconds, int? flows, string step) =>
        Assert.Equal(step, InstancePlan.Decide(new(Object("U"), true, Attached("a"), true, Now - TimeSpan.FromSeconds(seconds), flows), Options, Now).Step.ToString());

    [Fact]
    public void Decide_WorkerThatRunsNoProcesses_LeavesThemAlone() =>
        Assert.Equal(InstanceStep.None, InstancePlan.Decide(new(Object("p"), true, null, true, null, null), Options with { RunsProcesses = false }, Now).Step);

    [Fact]
    public void Decide_NewInstanceAddress_IsAdopted() =>
        Assert.Equal(InstanceStep.Adopt, InstancePlan.Decide(new(Object("R"), true, Attached("a")! with { Address = null }, true, null, null), Options, Now).Step);

    [Fact]
    public void Decide_OtherReachableAddressThanTheOneThatWasReported_IsReported() =>
        Assert.Equal(InstanceStep.Adopt, InstancePlan.Decide(new(Object("R"), true, Attached("a"), true, null, null) { Reachable = Space with { Ipv6 = null } }, Options, Now).Step);

    private static FabricInstance? Object(string code) => code == "-" ? null : new()
    {
        Metadata = new() { Name = "web.0" },
        Spec = new() { Service = "web", Worker = "w1", Undeploy = code is "U" or "u", Process = code == "p" ? new(["sleep", "1"]) : null },
        Status = new()
        {
            Instance = Own,
            NamespaceAddress = code is "R" or "D" or "U" ? Space : null,
            Phase = code switch { "R" or "U" => InstancePhase.Running, "D" => InstancePhase.Draining, "X" => InstancePhase.Dead, _ => InstancePhase.Pending },
        },
    };

    private static AttachedInstance? Attached(string code) => code == "-" ? null
        : new() { Service = "web", Number = 0, Host = 2, Pid = 7, StartTime = 8, Address = Own, Namespace = Space, Declared = code != "e" };
}

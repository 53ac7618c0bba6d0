using Gatehouse.Gateway.Serving;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Tests.Serving;

public class GatewayStepTests
{
    [Fact]
    public void Next_NoGateway_StopsWhateverListens() =>
        Assert.Equal([GatewayAct.Stop], GatewayStep.Next(new GatewayProgress(null, "id", IsListening: true, IsWhole: true)));

    [Theory]
    [InlineData(GatewayHostPhase.Scheduled, null, false, false, "Register Serve")]
    [InlineData(GatewayHostPhase.Registered, "id", false, false, "Serve")]
    [InlineData(GatewayHostPhase.Registered, "id", true, false, "Serve ReportReady")]
    [InlineData(GatewayHostPhase.Registered, "id", true, true, "ReportReady")]
    [InlineData(GatewayHostPhase.Ready, "id", true, true, "Rest")]
    [InlineData(GatewayHostPhase.Ready, "id", true, false, "Serve")]
    [InlineData(GatewayHostPhase.Ready, null, true, true, "Register")]
    [InlineData(GatewayHostPhase.Ready, "other", true, true, "Register")]
    [InlineData(GatewayHostPhase.Scheduled, "id", true, true, "Register")]
    [InlineData(GatewayHostPhase.NoWorker, "id", true, true, "Rest")]
    public void Next_OnTheWay_IsInOrder(GatewayHostPhase phase, string? registeredAs, bool isListening, bool isWhole, string expected)
    {
        var host = new GatewayHost { Status = new GatewayHostStatus { Phase = phase, GatewayId = "id", Worker = "w1" } };

        Assert.Equal(expected, string.Join(' ', GatewayStep.Next(new GatewayProgress(host, registeredAs, isListening, isWhole))));
    }
}

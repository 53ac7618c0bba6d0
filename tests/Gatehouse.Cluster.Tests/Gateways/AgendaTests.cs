using Gatehouse.Cluster.Gateways;

namespace Gatehouse.Cluster.Tests.Gateways;

public class AgendaTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);

    [Fact]
    public void TakeDue_TwoTimesForOneName_TheEarlierCountsOnce()
    {
        var agenda = new Agenda();
        agenda.Add("a", Now.AddSeconds(10));
        agenda.Add("a", Now.AddSeconds(5));
        agenda.Add("a", Now.AddSeconds(20));

        Assert.Equal(Now.AddSeconds(5), agenda.Next);
        Assert.Empty(agenda.TakeDue(Now.AddSeconds(4)));
        Assert.Equal(["a"], agenda.TakeDue(Now.AddSeconds(5)));
        Assert.Empty(agenda.TakeDue(Now.AddSeconds(60)));
        Assert.Null(agenda.Next);
    }

    [Fact]
    public void TakeDue_NameAddedAgain_ComesAgain()
    {
        var agenda = new Agenda();
        agenda.Add("a", Now);
        agenda.TakeDue(Now);
        agenda.Add("a", Now.AddSeconds(1));

        Assert.Equal(["a"], agenda.TakeDue(Now.AddSeconds(1)));
    }
}

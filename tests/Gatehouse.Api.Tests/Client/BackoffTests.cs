using Gatehouse.Api.Client;

namespace Gatehouse.Api.Tests.Client;

public sealed class BackoffTests
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Max = TimeSpan.FromSeconds(30);

    [Fact]
    public void Pauses_double_up_to_the_bound_and_each_is_spread_over_its_upper_half()
    {
        var backoff = new Backoff(First, Max, new Random(1));
        for (var failure = 0; failure < 200; failure++)
        {
            var whole = TimeSpan.FromMilliseconds(Math.Min(200 * Math.Pow(2, failure), 30_000));
            Assert.InRange(backoff.Next(healthy: false), whole / 2, whole);
        }
    }

    [Fact]
    public void After_a_healthy_time_it_begins_anew()
    {
        var backoff = new Backoff(First, Max, new Random(2));
        for (var i = 0; i < 10; i++) backoff.Next(healthy: false);
        Assert.InRange(backoff.Next(healthy: true), TimeSpan.Zero, First);
        Assert.InRange(backoff.Next(healthy: false), First, First * 2);
    }

    [Fact]
    public void Many_clients_of_one_server_do_not_come_back_together()
    {
        var pauses = Enumerable.Range(0, 1_000).Select(seed => new Backoff(First, Max, new Random(seed)).Next(healthy: true)).ToList();
        var tenths = pauses.GroupBy(p => (int)(p / First * 10)).Select(g => g.Count()).ToList();
        Assert.Equal(10, tenths.Count);
        Assert.All(tenths, n => Assert.InRange(n, 60, 150));
    }

    [Theory]
    [InlineData(0, 0.2)]
    [InlineData(5, 5)]
    [InlineData(3600, 30)]
    public void The_servers_wish_is_granted_up_to_the_bound(int asked, double atLeast)
    {
        var pause = new Backoff(First, Max, new Random(3)).Next(healthy: false, TimeSpan.FromSeconds(asked));
        Assert.InRange(pause.TotalSeconds, asked == 0 ? 0.1 : atLeast, atLeast);
    }
}

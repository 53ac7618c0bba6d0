using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Presence;

namespace Gatehouse.Objects.Tests.Presence;

public sealed class PresenceTableTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private readonly PresenceTable _table = new();

    [Fact]
    public void A_lease_lasts_from_when_its_renewal_was_seen_whatever_the_members_clock_says()
    {
        Assert.Equal(Now.AddSeconds(10), _table.Observe(Lease(Now.AddYears(-3), 10), Now, false));
        Assert.Equal(PresencePhase.Ready, _table.PhaseOf("w1", PresencePhase.Pending, Now.AddSeconds(9)));
        Assert.Equal(PresencePhase.Away, _table.PhaseOf("w1", PresencePhase.Ready, Now.AddSeconds(10)));
        Assert.Equal(Now.AddSeconds(30), _table.Observe(Lease(Now.AddYears(5), 10), Now.AddSeconds(20), false));
    }

    [Fact]
    public void Seeing_the_same_renewal_again_renews_nothing()
    {
        _table.Observe(Lease(Now, 10), Now, false);
        Assert.Equal(Now.AddSeconds(10), _table.Observe(Lease(Now, 10), Now.AddSeconds(5), false));
    }

    [Fact]
    public void After_a_restart_everybody_has_one_lease_to_be_heard_but_who_was_away_stays_away_until_it_is()
    {
        _table.Observe(Lease(Now.AddHours(-1), 10), Now, wasAway: false);
        Assert.Equal(PresencePhase.Ready, _table.PhaseOf("w1", PresencePhase.Ready, Now));
        var other = new PresenceTable();
        other.Observe(Lease(Now.AddHours(-1), 10), Now, wasAway: true);
        Assert.Equal(PresencePhase.Away, other.PhaseOf("w1", PresencePhase.Away, Now));
        other.Observe(Lease(Now, 10), Now, wasAway: true);
        Assert.Equal(PresencePhase.Ready, other.PhaseOf("w1", PresencePhase.Away, Now));
    }

    [Fact]
    public void Never_seen_is_pending_and_a_deleted_lease_is_away()
    {
        Assert.Equal(PresencePhase.Pending, _table.PhaseOf("w1", PresencePhase.Pending, Now));
        _table.Observe(Lease(Now, 10), Now, false);
        _table.Remove("w1");
        Assert.Equal(PresencePhase.Away, _table.PhaseOf("w1", PresencePhase.Ready, Now));
    }

    [Theory]
    [InlineData(null, 15)]
    [InlineData(0, 15)]
    [InlineData(-5, 15)]
    [InlineData(40, 40)]
    public void A_lease_without_a_sound_duration_lasts_15_seconds(int? seconds, int expected) =>
        Assert.Equal(Now.AddSeconds(expected), _table.Observe(Lease(Now, seconds), Now, false));

    private static Lease Lease(DateTimeOffset renewed, int? seconds) => new()
    {
        Metadata = new ObjectMeta { Name = "w1", Namespace = Worker.LeaseNamespace, Uid = "u" },
        Spec = new LeaseSpec { HolderIdentity = "w1", RenewTime = renewed, LeaseDurationSeconds = seconds },
    };
}

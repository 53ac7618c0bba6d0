using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Addressing.Tests.Allocation;

public sealed class FifoPoolTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 20, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Quarantine = TimeSpan.FromMinutes(10);

    [Fact]
    public void Numbers_come_in_order_and_an_owner_that_asks_again_gets_the_same()
    {
        var pool = Pool(4);
        Assert.Equal([0, 1, 2], new[] { "a", "b", "c" }.Select(o => Take(pool, o, Start)));
        Assert.Equal(1, Take(pool, "b", Start));
        Assert.Equal(3, Take(pool, "d", Start));
    }

    [Fact]
    public void Given_back_numbers_follow_the_unused_ones_in_the_order_in_which_their_quarantine_ended()
    {
        var pool = Pool(4);
        foreach (var owner in new[] { "a", "b", "c" }) Take(pool, owner, Start);
        pool.Release("c", Start);
        pool.Release("a", Start.AddMinutes(1));
        pool.Release("b", Start.AddMinutes(2));
        var later = Start.AddHours(1);
        Assert.Equal([3, 2, 0, 1], new[] { "e", "f", "g", "h" }.Select(o => Take(pool, o, later)));
    }

    [Fact]
    public void In_quarantine_only_the_last_owner_gets_its_number_again()
    {
        var pool = Pool(1);
        Take(pool, "a", Start);
        pool.Release("a", Start);
        Assert.IsType<AllocateOutcome.Exhausted>(pool.Allocate("b", Start.AddMinutes(9)));
        Assert.Equal(0, Take(pool, "a", Start.AddMinutes(9)));
        pool.Release("a", Start.AddMinutes(9));
        Assert.IsType<AllocateOutcome.Exhausted>(pool.Allocate("b", Start.AddMinutes(18)));
        Assert.Equal(0, Take(pool, "b", Start.AddMinutes(19)));
        Assert.IsType<AllocateOutcome.Exhausted>(pool.Allocate("a", Start.AddMinutes(19)));
    }

    [Fact]
    public void Exhaustion_says_what_there_is()
    {
        var pool = Pool(2);
        Take(pool, "a", Start);
        Take(pool, "b", Start);
        Assert.Equal("no numbers left: all 2 are leased or reserved", pool.Allocate("c", Start).ToString());
        pool.Release("a", Start);
        Assert.Equal(
            "no numbers left: 1 of 2 are leased and 1 in quarantine, the first until 2026-11-20T00:10:00Z",
            pool.Allocate("c", Start).ToString());
    }

    [Fact]
    public void A_wish_is_granted_or_refused_with_the_reason()
    {
        var pool = new FifoPool(new FifoPoolOptions { Name = "numbers", Count = 10, Quarantine = Quarantine, Reserved = [0, 9] });
        Assert.Equal((UInt128)5, Assert.IsType<AllocateOutcome.Allocated>(pool.Allocate("a", 5, Start)).Number);
        Assert.Equal((UInt128)5, Assert.IsType<AllocateOutcome.Allocated>(pool.Allocate("a", 5, Start)).Number);
        Assert.Equal("is taken by a", Refusal(pool.Allocate("b", 5, Start)));
        Assert.Equal("lies outside the range", Refusal(pool.Allocate("b", 10, Start)));
        Assert.Equal("is reserved and never handed out", Refusal(pool.Allocate("b", 9, Start)));
        Assert.Equal("differs from the address that a has for life", Refusal(pool.Allocate("a", 6, Start)));
        pool.Release("a", Start);
        Assert.Equal("was given back by a and stays in quarantine until 2026-11-20T00:10:00Z", Refusal(pool.Allocate("b", 5, Start)));
        Assert.IsType<AllocateOutcome.Allocated>(pool.Allocate("b", 5, Start.AddMinutes(10)));
        Assert.Equal([1, 2, 3, 4, 6, 7, 8], Enumerable.Range(0, 7).Select(i => Take(pool, $"o{i}", Start)));
        Assert.IsType<AllocateOutcome.Exhausted>(pool.Allocate("last", Start));
    }

    [Fact]
    public void A_wish_deep_in_an_ipv6_range_costs_nothing()
    {
        var range = SemanticRange.ForIpv6(AddressUse.RoundRobin);
        var pool = new FifoPool(new FifoPoolOptions { Name = range.Name, Count = range.Count, Reserved = [0] });
        var wanted = range.Count - 1;
        Assert.Equal(wanted, Assert.IsType<AllocateOutcome.Allocated>(pool.Allocate("deep", wanted, Start)).Number);
        Assert.Equal((UInt128)1, Assert.IsType<AllocateOutcome.Allocated>(pool.Allocate("first", Start)).Number);
    }

    [Fact]
    public void Numbers_reserved_after_their_use_are_not_handed_out_again()
    {
        var before = Pool(3);
        Take(before, "a", Start);
        Take(before, "b", Start);
        before.Release("a", Start);
        before.Expire(Start.AddHours(1));
        var after = new FifoPool(new FifoPoolOptions { Name = "numbers", Count = 3, Quarantine = Quarantine, Reserved = [0] });
        Assert.All(before.Entries, e => Assert.True(after.Restore(e)));
        Assert.Equal(2, Take(after, "a", Start.AddHours(1)));
        Assert.IsType<AllocateOutcome.Exhausted>(after.Allocate("c", Start.AddHours(1)));
        Assert.Equal(1, Take(after, "b", Start.AddHours(1)));
    }

    [Fact]
    public void Restore_keeps_the_first_of_two_leases_and_a_lease_before_a_leftover()
    {
        var pool = Pool(3);
        Assert.True(pool.Restore(new PoolEntry(1, "old", PoolPhase.Free, Start)));
        Assert.True(pool.Restore(new PoolEntry(1, "a", PoolPhase.Leased, Start)));
        Assert.False(pool.Restore(new PoolEntry(1, "b", PoolPhase.Leased, Start)));
        Assert.False(pool.Restore(new PoolEntry(1, "old", PoolPhase.Free, Start)));
        Assert.False(pool.Restore(new PoolEntry(3, "c", PoolPhase.Leased, Start)));
        Assert.Equal("a", pool.Find(1)?.Owner);
        Assert.Null(pool.FindOwner("old"));
    }

    // Any sequence of calls, against the plainest model that there is; after each of them a restart must not change what comes next.
    [Fact]
    public void Any_history_obeys_the_rules_and_survives_a_restart() =>
        Prop.ForAll<PositiveInt[]>(steps =>
        {
            var (pool, model, now) = (Pool(5), new Model(5), Start);
            foreach (var step in steps.Select(s => s.Get * 7_919))
            {
                now += TimeSpan.FromMinutes(step % 7);
                var owner = $"o{step / 7 % 8}";
                switch (step % 4)
                {
                    case 0:
                        Assert.Equal(model.Release(owner, now), pool.Release(owner, now) is not null);
                        break;
                    case 1:
                        var wanted = (UInt128)(step / 56 % 5);
                        Assert.Equal(model.Want(owner, (int)wanted, now), pool.Allocate(owner, wanted, now) is AllocateOutcome.Allocated);
                        break;
                    case 2:
                        if (pool.Allocate(owner, now) is AllocateOutcome.Allocated undone) pool.Undo(undone);
                        break;
                    default:
                        Assert.Equal(model.Take(owner, now), pool.Allocate(owner, now) is AllocateOutcome.Allocated a ? (int)a.Number : null);
                        break;
                }

                pool = Restarted(pool);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    private static FifoPool Pool(int count) => new(new FifoPoolOptions { Name = "numbers", Count = (UInt128)count, Quarantine = Quarantine });

    private static FifoPool Restarted(FifoPool pool)
    {
        var restarted = Pool(5);
        foreach (var entry in pool.Entries) Assert.True(restarted.Restore(entry));
        Assert.Equal(pool.Leased, restarted.Leased);
        return restarted;
    }

    private static int Take(FifoPool pool, string owner, DateTimeOffset now) =>
        (int)Assert.IsType<AllocateOutcome.Allocated>(pool.Allocate(owner, now)).Number;

    private static string Refusal(AllocateOutcome outcome) => Assert.IsType<AllocateOutcome.Refused>(outcome).Explain("the range");

    /// <summary>The rules as a list that is scanned.</summary>
    private sealed class Model(int count)
    {
        private readonly List<(int Number, string Owner, bool Leased, DateTimeOffset Since)> _used = [];

        public bool Release(string owner, DateTimeOffset now)
        {
            var i = _used.FindIndex(u => u.Owner == owner && u.Leased);
            if (i >= 0) _used[i] = _used[i] with { Leased = false, Since = now };
            return i >= 0;
        }

        public int? Take(string owner, DateTimeOffset now)
        {
            var own = _used.Where(u => u.Owner == owner).OrderByDescending(u => u.Leased).ThenByDescending(u => u.Since).Select(u => (int?)u.Number).FirstOrDefault();
            var unused = Enumerable.Range(0, count).Where(n => _used.All(u => u.Number != n)).Select(n => (int?)n).FirstOrDefault();
            var free = _used.Where(u => !u.Leased && u.Since + Quarantine <= now).OrderBy(u => (u.Since, u.Number)).Select(u => (int?)u.Number).FirstOrDefault();
            var number = own ?? unused ?? free;
            if (number is { } n) Lease(n, owner, now);
            return number;
        }

        public bool Want(string owner, int number, DateTimeOffset now)
        {
            var has = _used.Where(u => u.Owner == owner && u.Leased).Select(u => (int?)u.Number).FirstOrDefault();
            var there = _used.Where(u => u.Number == number).ToList();
            var may = (has is null || has == number) && there.All(u => u.Owner == owner || (!u.Leased && u.Since + Quarantine <= now));
            if (may) Lease(number, owner, now);
            return may;
        }

        private void Lease(int number, string owner, DateTimeOffset now)
        {
            if (_used.Any(u => u.Number == number && u.Owner == owner && u.Leased)) return;
            _used.RemoveAll(u => u.Number == number);
            _used.Add((number, owner, true, now));
        }
    }
}

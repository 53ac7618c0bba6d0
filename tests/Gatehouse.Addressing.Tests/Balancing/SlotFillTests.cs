using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Addressing.Balancing;

namespace Gatehouse.Addressing.Tests.Balancing;

public sealed class SlotFillTests
{
    private static readonly Arbitrary<Candidate[]> Candidates = Gen.Choose(0, 60)
        .SelectMany(n => Gen.Choose(0, 256).ArrayOf(n).SelectMany(weights => Gen.Choose(-1, 5_000).ArrayOf(n)
            .Select(loads => Enumerable.Range(0, n).Select(i => new Candidate((ulong)i, weights[i], loads[i] < 0 ? null : loads[i], $"p{i % 3}")).ToArray())))
        .ToArbitrary();

    [Fact]
    public void EveryPolicy_FillsEverySlotWithAnInstanceOfTheList() => Prop.ForAll(Candidates, candidates => All(candidates).All(slots =>
        slots.Slots.Length <= SlotAssignment.MaxSlots && slots.Slots.All(s => s >= 0 && s < candidates.Length)
        && (candidates.Length > 0 || slots.Slots.IsEmpty))).QuickCheckThrowOnFailure();

    [Fact]
    public void EveryPolicy_SaysTheSameForTheSameList() => Prop.ForAll(Candidates, candidates =>
        All(candidates).SequenceEqual(All([.. candidates]))).QuickCheckThrowOnFailure();

    [Fact]
    public void RoundRobinStickyAndLeastLoaded_LeaveNobodyOut() => Prop.ForAll(Candidates, candidates =>
        new[] { SlotFill.RoundRobin(candidates), SlotFill.Sticky(candidates), SlotFill.LeastLoaded(candidates) }
            .All(slots => slots.Slots.Distinct().Count() == candidates.Length)).QuickCheckThrowOnFailure();

    [Fact]
    public void Weighted_LeavesOutThoseWithoutWeight_AndNobodyWhoseShareIsASlot() => Prop.ForAll(Candidates, candidates =>
    {
        var slots = SlotFill.Weighted(candidates).Slots;
        var sum = candidates.Sum(c => c.Weight);
        return Enumerable.Range(0, candidates.Length).All(i => slots.Contains(i)
            ? candidates[i].Weight > 0
            : sum == 0 || candidates[i].Weight * slots.Length < sum);
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(new[] { 4, 12 }, new[] { 1, 3 })]
    [InlineData(new[] { 1, 1, 1 }, new[] { 1, 1, 1 })]
    [InlineData(new[] { 0, 5 }, new[] { 0, 1 })]
    [InlineData(new[] { 256, 128, 64 }, new[] { 4, 2, 1 })]
    [InlineData(new[] { 10, 20, 30 }, new[] { 1, 2, 3 })]
    public void Weighted_SmallWeights_AreExact(int[] weights, int[] slots) => Assert.Equal(slots, CountsOf(SlotFill.Weighted(Of(weights)), weights.Length));

    [Theory]
    [InlineData(255, 1)]
    [InlineData(199, 57)]
    [InlineData(101, 103)]
    public void Weighted_LargeWeights_AreCloseToTheirShares(int first, int second)
    {
        var assignment = SlotFill.Weighted(Of(first, second));
        var share = (double)CountsOf(assignment, 2)[0] / assignment.Slots.Length;

        Assert.InRange(Math.Abs(share - ((double)first / (first + second))), 0, 1.0 / assignment.Slots.Length);
    }

    [Fact]
    public void Weighted_AllZero_GivesNobody() => Assert.True(SlotFill.Weighted(Of(0, 0)).Slots.IsEmpty);

    [Fact]
    public void LeastLoaded_GivesMoreToTheIdle_AndCountsUnknownAsTheMean()
    {
        var assignment = SlotFill.LeastLoaded([new(0, 1, 0, ""), new(1, 1, 100, ""), new(2, 1, null, "")]);
        var counts = CountsOf(assignment, 3);

        Assert.True(counts[0] > counts[2] && counts[2] >= counts[1]);
        Assert.True(counts[1] >= 1);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(20)]
    [InlineData(60)]
    public void Sticky_SharesEvenly_AndMovesFewWhenOneGoes(int count)
    {
        var all = Of([.. Enumerable.Repeat(1, count)]);
        var before = SlotFill.Sticky(all);
        var counts = CountsOf(before, count);
        Assert.InRange(counts.Max(), 1, counts.Min() + 1);

        var gone = count / 2;
        var after = SlotFill.Sticky([.. all.Where((_, i) => i != gone)]);
        if (after.Slots.Length != before.Slots.Length) return; // Another size, where everybody may move: 1, 8 and 32 instances are the steps.
        var moved = before.Slots.Where((held, slot) => held != gone && (after.Slots[slot] < gone ? after.Slots[slot] : after.Slots[slot] + 1) != held).Count();
        Assert.InRange(moved, 0, before.Slots.Length / 4);
    }

    [Fact]
    public void Closest_TakesThePlacesInstancesInTurn_AndAllWhenItHasNone()
    {
        Candidate[] candidates = [new(0, 1, null, "a"), new(1, 1, null, "b"), new(2, 1, null, "a")];

        Assert.Equal([0, 2], SlotFill.Closest(candidates, "a").Slots);
        Assert.Equal([0, 1, 2], SlotFill.Closest(candidates, "elsewhere").Slots);
        Assert.Equal([0, 1, 2], SlotFill.Closest(candidates, null).Slots);
    }

    [Fact]
    public void MoreInstancesThanSlots_StayWithinTheBound()
    {
        var many = Of([.. Enumerable.Repeat(3, 3_000)]);

        Assert.All(All(many), a => Assert.InRange(a.Slots.Length, 1, SlotAssignment.MaxSlots));
    }

    private static SlotAssignment[] All(Candidate[] c) =>
        [SlotFill.RoundRobin(c), SlotFill.Weighted(c), SlotFill.LeastLoaded(c), SlotFill.Sticky(c), SlotFill.Closest(c, "p1")];

    private static Candidate[] Of(params int[] weights) => [.. weights.Select((w, i) => new Candidate((ulong)i * 7, w, null, "p"))];

    private static int[] CountsOf(SlotAssignment assignment, int candidates) => [.. Enumerable.Range(0, candidates).Select(i => assignment.Slots.Count(s => s == i))];
}

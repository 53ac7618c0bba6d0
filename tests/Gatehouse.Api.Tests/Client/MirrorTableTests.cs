using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

public sealed class MirrorTableTests
{
    private readonly MirrorTable<Interest> _table = new(tombstoneCapacity: 4);

    [Fact]
    public void A_list_replaces_everything_and_says_what_changed()
    {
        _table.Replace(List(10, Interest("same", 1), Interest("newer", 2), Interest("gone", 3), Interest("reborn", 4)));

        var changes = _table.Replace(List(20, Interest("same", 1), Interest("newer", 12), Interest("reborn", 14, uid: "v"), Interest("fresh", 15)));

        Assert.Equal("Modified newer@12, Deleted reborn@14, Added reborn@14, Added fresh@15, Deleted gone@20", Text(changes));
        Assert.Equal(["fresh", "newer", "reborn", "same"], _table.Objects.Keys.Select(k => k.Name).Order());
        Assert.Equal("20", _table.Revision);
    }

    [Fact]
    public void An_object_that_a_list_did_not_change_stays_the_same_reference()
    {
        _table.Replace(List(10, Interest("a", 1)));
        var before = _table.Objects["a"];
        _table.Replace(List(11, Interest("a", 1)));
        Assert.Same(before, _table.Objects["a"]);
    }

    [Fact]
    public void A_list_of_a_store_that_was_reset_is_believed_although_its_revisions_are_smaller()
    {
        _table.Replace(List(1000, Interest("a", 900)));
        Assert.Equal("Deleted a@3, Added a@3", Text(_table.Replace(List(5, Interest("a", 3, uid: "other")))));
        Assert.Equal("5", _table.Revision);
        Assert.Equal("Modified a@6", Text(Apply(Modified("a", 6, uid: "other"))));
    }

    [Fact]
    public void Events_in_order_are_applied()
    {
        _table.Replace(List(10));
        Assert.Equal("Added a@11, Modified a@12, Deleted a@13", Text(Apply(Added("a", 11), Modified("a", 12), Deleted("a", 13))));
        Assert.Empty(_table.Objects);
        Assert.Equal("13", _table.Revision);
    }

    [Fact]
    public void A_repeated_event_changes_nothing()
    {
        _table.Replace(List(10, Interest("a", 9)));
        Apply(Modified("a", 11), Deleted("b", 12));
        Assert.Empty(Apply(Modified("a", 11), Added("a", 9), Deleted("b", 12), Modified("a", 11)));
        Assert.Equal("12", _table.Revision);
        Assert.Equal("11", _table.Objects["a"].Metadata.ResourceVersion);
    }

    [Fact]
    public void A_deleted_object_is_not_brought_back_by_a_repeated_event()
    {
        _table.Replace(List(10, Interest("a", 9)));
        Apply(Modified("a", 11), Deleted("a", 12), Added("b", 13));
        Assert.Equal(ApplyOutcome.Repeated, _table.Apply(Modified("a", 11), []));
        Assert.Equal(ApplyOutcome.Repeated, _table.Apply(Added("a", 9), []));
        Assert.DoesNotContain("a", _table.Objects.Keys.Select(k => k.Name));
    }

    [Fact]
    public void A_late_event_of_another_object_is_not_lost()
    {
        _table.Replace(List(10));
        Assert.Equal("Added b@12, Added a@11", Text(Apply(Added("b", 12), Added("a", 11))));
        Assert.Equal("12", _table.Revision);
    }

    [Fact]
    public void A_late_delete_of_an_older_life_leaves_the_new_object()
    {
        _table.Replace(List(10, Interest("a", 9)));
        Apply(Added("a", 13, uid: "new"));
        Assert.Empty(Apply(Deleted("a", 12)));
        Assert.Equal("13", _table.Objects["a"].Metadata.ResourceVersion);
    }

    [Fact]
    public void A_delete_with_the_revision_of_the_last_write_counts()
    {
        _table.Replace(List(10, Interest("a", 9)));
        Assert.Equal("Deleted a@9", Text(Apply(Deleted("a", 9))));
    }

    [Fact]
    public void What_the_list_did_not_have_is_not_brought_back_by_an_event_from_before_the_list()
    {
        _table.Replace(List(10));
        Assert.Equal(ApplyOutcome.Repeated, _table.Apply(Added("a", 8), []));
    }

    [Fact]
    public void When_the_memory_of_deletes_is_too_short_to_tell_it_says_so()
    {
        _table.Replace(List(10));
        for (var i = 0; i < 5; i++) Apply(Deleted($"d{i}", 20 + i));
        Assert.Equal(ApplyOutcome.InDoubt, _table.Apply(Added("d0", 15), []));
        Assert.Equal(ApplyOutcome.InDoubt, _table.Apply(Added("never", 20), []));
        Assert.Equal(ApplyOutcome.Applied, _table.Apply(Added("late", 21), []));
        Assert.Equal(ApplyOutcome.Repeated, _table.Apply(Added("d4", 22), []));
    }

    [Fact]
    public void A_bookmark_moves_the_revision_and_nothing_else()
    {
        _table.Replace(List(10, Interest("a", 9)));
        Assert.Empty(Apply(Bookmark(40)));
        Assert.Equal("40", _table.Revision);
        Assert.Empty(Apply(Bookmark(30)));
        Assert.Equal("40", _table.Revision);
    }

    [Fact]
    public void Revisions_that_are_no_numbers_are_taken_in_the_order_in_which_they_come()
    {
        _table.Replace(new ObjectList<Interest>([], "alpha"));
        var value = Interest("a", 1) with { Metadata = Interest("a", 1).Metadata with { ResourceVersion = "gamma" } };
        Assert.Equal("Added a@gamma", Text(Apply(new ObjectEvent<Interest>(ObjectEventType.Added, value, "gamma"))));
        Assert.Empty(Apply(new ObjectEvent<Interest>(ObjectEventType.Modified, value, "gamma")));
        var changed = value with { Metadata = value.Metadata with { ResourceVersion = "beta" } };
        Assert.Equal("Modified a@beta", Text(Apply(new ObjectEvent<Interest>(ObjectEventType.Modified, changed, "beta"))));
        Assert.Equal("beta", _table.Revision);
    }

    /// <summary>Whatever is repeated or comes late inside a window shorter than the memory, the end state is the server's.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Any_disorder_ends_in_the_servers_state(int seed)
    {
        var random = new Random(seed);
        var table = new MirrorTable<Interest>(tombstoneCapacity: 1024);
        table.Replace(List(100));
        var (history, truth) = History(random, 400);
        var disordered = history.SelectMany((e, i) => Enumerable.Range(0, 1 + random.Next(3)).Select(_ => (At: i + random.Next(12), Event: e))).OrderBy(x => x.At).Select(x => x.Event);
        foreach (var e in disordered) Assert.NotEqual(ApplyOutcome.InDoubt, table.Apply(e, []));
        Assert.Equal(truth.OrderBy(p => p.Key), table.Objects.Select(o => KeyValuePair.Create(o.Key.Name, o.Value.Metadata.ResourceVersion!)).OrderBy(p => p.Key));
        Assert.Equal("500", table.Revision);
    }

    private static (List<ObjectEvent<Interest>> History, Dictionary<string, string> Truth) History(Random random, int count)
    {
        var history = new List<ObjectEvent<Interest>>();
        var truth = new Dictionary<string, string>();
        for (var revision = 101; history.Count < count; revision++)
        {
            var name = $"o{random.Next(12)}";
            var exists = truth.ContainsKey(name);
            if (exists && random.Next(3) == 0)
            {
                history.Add(Deleted(name, revision));
                truth.Remove(name);
                continue;
            }

            history.Add(exists ? Modified(name, revision) : Added(name, revision));
            truth[name] = $"{revision}";
        }

        return (history, truth);
    }

    private List<ObjectEvent<Interest>> Apply(params ObjectEvent<Interest>[] events)
    {
        var changes = new List<ObjectEvent<Interest>>();
        foreach (var e in events) Assert.NotEqual(ApplyOutcome.InDoubt, _table.Apply(e, changes));
        return changes;
    }
}

using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

public sealed class ChangeReaderTests
{
    private readonly ChangeReader<Interest> _reader = new();

    public static TheoryData<string, string> Merges => new()
    {
        { "A1 M2 M3", "Added a@3" },
        { "A1 D2", "" },
        { "A1 D2 A3", "Added a@3" },
        { "M1 M2", "Modified a@2" },
        { "M1 D2", "Deleted a@2" },
        { "M1 D2 A3", "Deleted a@2, Added a@3" },
        { "D1 A2 M3", "Deleted a@1, Added a@3" },
        { "D1 A2 D3", "Deleted a@1" },
        { "D1 A2 D3 A4", "Deleted a@1, Added a@4" },
    };

    [Theory]
    [MemberData(nameof(Merges))]
    public async Task What_waits_for_one_object_is_its_net_change(string steps, string expected)
    {
        foreach (var step in steps.Split(' ')) _reader.Put([Event(step)]);
        _reader.Complete();
        Assert.Equal(expected, Text(await _reader.TakeAsync(10, TestContext.Current.CancellationToken) ?? []));
        Assert.Null(await _reader.TakeAsync(10, TestContext.Current.CancellationToken));
        Assert.Equal(0, _reader.Count);
    }

    [Fact]
    public async Task A_batch_is_never_longer_than_asked_also_when_an_object_has_two_events()
    {
        _reader.Put([Modified("a", 1), Modified("b", 2)]);
        _reader.Put([Deleted("a", 3), Added("a", 4, uid: "new")]);
        Assert.Equal("Deleted a@3", Text((await _reader.TakeAsync(1, TestContext.Current.CancellationToken))!));
        Assert.Equal("Added a@4", Text((await _reader.TakeAsync(1, TestContext.Current.CancellationToken))!));
        Assert.Equal("Modified b@2", Text((await _reader.TakeAsync(1, TestContext.Current.CancellationToken))!));
    }

    [Fact]
    public async Task A_change_between_the_two_events_of_an_object_joins_the_second()
    {
        _reader.Put([Deleted("a", 3), Added("a", 4, uid: "new")]);
        Assert.Equal("Deleted a@3", Text((await _reader.TakeAsync(1, TestContext.Current.CancellationToken))!));
        _reader.Put([Modified("a", 5, uid: "new")]);
        Assert.Equal("Added a@5", Text((await _reader.TakeAsync(5, TestContext.Current.CancellationToken))!));
    }

    [Fact]
    public void A_reader_that_never_takes_holds_no_more_than_the_objects_there_are()
    {
        for (var i = 0; i < 100_000; i++)
        {
            var name = $"o{i % 50}";
            _reader.Put([i % 150 < 100 ? Modified(name, i) : Deleted(name, i)]);
        }

        Assert.Equal(50, _reader.Count);
        for (var i = 0; i < 100_000; i++) _reader.Put([Added($"short{i}", i), Deleted($"short{i}", i)]);
        Assert.Equal(50, _reader.Count);
    }

    [Fact]
    public async Task A_waiting_reader_wakes_and_an_ended_one_ends()
    {
        var waiting = _reader.TakeAsync(10, TestContext.Current.CancellationToken).AsTask();
        Assert.False(waiting.IsCompleted);
        _reader.Put([Added("a", 1)]);
        Assert.Equal("Added a@1", Text((await waiting)!));
        var last = _reader.TakeAsync(10, TestContext.Current.CancellationToken).AsTask();
        _reader.Complete();
        Assert.Null(await last);
    }

    /// <summary>However reads and writes interleave, a reader that applies what it gets ends with the writer's state.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task A_reader_that_applies_its_batches_arrives_at_the_state(int seed)
    {
        var random = new Random(seed);
        var truth = new Dictionary<string, string>();
        var seen = new Dictionary<string, string>();
        for (var revision = 1; revision <= 3_000; revision++)
        {
            var name = $"o{random.Next(20)}";
            var e = !truth.ContainsKey(name) ? Added(name, revision) : random.Next(3) == 0 ? Deleted(name, revision) : Modified(name, revision);
            if (e.Type == ObjectEventType.Deleted) truth.Remove(name);
            else truth[name] = e.ResourceVersion;
            _reader.Put([e]);
            if (_reader.Count > 0 && random.Next(10) == 0) Apply(await _reader.TakeAsync(1 + random.Next(8), TestContext.Current.CancellationToken) ?? []);
        }

        _reader.Complete();
        while (await _reader.TakeAsync(7, TestContext.Current.CancellationToken) is { } batch) Apply(batch);
        Assert.Equal(truth.OrderBy(p => p.Key), seen.OrderBy(p => p.Key));

        void Apply(IReadOnlyList<ObjectEvent<Interest>> batch)
        {
            foreach (var e in batch)
            {
                var name = e.Object!.Key.Name;
                Assert.Equal(e.Type == ObjectEventType.Added, !seen.ContainsKey(name));
                if (e.Type == ObjectEventType.Deleted) seen.Remove(name);
                else seen[name] = e.ResourceVersion;
            }
        }
    }

    private static ObjectEvent<Interest> Event(string step) => step[0] switch
    {
        'A' => Added("a", step[1] - '0'),
        'M' => Modified("a", step[1] - '0'),
        _ => Deleted("a", step[1] - '0'),
    };
}

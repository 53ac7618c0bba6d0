using System.Diagnostics.Metrics;
using Gatehouse.Store.Sqlite;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests;

public sealed class MetricsTests
{
    [Fact]
    public async Task Figures_tell_what_the_store_did()
    {
        using var directory = new TemporaryDirectory();
        using var factory = new SingleMeterFactory();
        var sums = new System.Collections.Concurrent.ConcurrentDictionary<string, double>();
        using var listener = Listen(factory, sums);
        var options = new SqliteStoreOptions { Path = directory["store.db"], Metrics = new StoreMetrics(factory), WatchBuffer = 2, HistoryRevisions = 100, MaxBytes = 1 << 20 };
        await using (var store = await SqliteStore.OpenAsync(options, TimeProvider.System, TestContext.Current.CancellationToken))
        {
            await using var watch = new WatchProbe(store, "/", 0);
            watch.Arm();
            for (var i = 0; i < 150; i++) await store.PutAsync("/a", "12345");
            await store.TryPutAsync("/a", "x", 3);
            Assert.Equal(150, sums["gatehouse.store.writes/written"]);
            Assert.Equal(1, sums["gatehouse.store.writes/unchanged"]);
            Assert.Equal(150, sums["gatehouse.store.commit.writes"]);
            Assert.Equal(1, sums["gatehouse.store.watchers"]);
            Assert.Equal(1, sums["gatehouse.store.watch.overflows"]);
            Assert.Equal(store.Revision - store.CompactedRevision, sums["gatehouse.store.history.revisions"]);
            Assert.Equal(store.CompactedRevision, sums["gatehouse.store.compacted"]);
            Assert.Equal(("/a".Length + "12345".Length, 1 << 20), (sums["gatehouse.store.size"], sums["gatehouse.store.size.limit"]));
            Assert.InRange(sums["gatehouse.store.history.size"], 100 * 5, 150 * 200);
        }

        Assert.Equal(0, sums["gatehouse.store.watchers"]);
        Assert.Equal(0, sums["gatehouse.store.queue"]);
        Assert.Equal((0, 0), (sums["gatehouse.store.size"], sums["gatehouse.store.size.limit"]));
        Assert.Equal(0, sums["gatehouse.store.history.revisions"]);
        Assert.Equal(0, sums["gatehouse.store.history.size"]);
    }

    private static MeterListener Listen(SingleMeterFactory factory, System.Collections.Concurrent.ConcurrentDictionary<string, double> sums)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope == factory) self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Add(i, value, tags));
        listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Add(i, value, tags));
        listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Add(i, value, tags));
        listener.Start();
        return listener;

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            sums.AddOrUpdate(tags.Length == 0 ? instrument.Name : $"{instrument.Name}/{tags[0].Value}", value, (_, sum) => sum + value);
    }

    private sealed class SingleMeterFactory : IMeterFactory
    {
        private readonly List<Meter> _meters = [];

        public Meter Create(MeterOptions options)
        {
            options.Scope = this;
            _meters.Add(new Meter(options));
            return _meters[^1];
        }

        public void Dispose() => _meters.ForEach(m => m.Dispose());
    }
}

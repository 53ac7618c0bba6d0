using Gatehouse.Store.Sqlite;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests.Conformance;

public sealed class SqliteStoreConformance : StoreConformance
{
    private readonly TemporaryDirectory _directory = new();

    protected override async ValueTask<IRevisionStore> OpenAsync(StoreOptions options, TimeProvider time) => await SqliteStore.OpenAsync(
        new SqliteStoreOptions
        {
            Path = _directory["store.db"],
            HistoryRevisions = options.HistoryRevisions,
            HistoryBytes = options.HistoryBytes,
            MaxBytes = options.MaxBytes,
            WatchBuffer = options.WatchBuffer,
            ProgressInterval = options.ProgressInterval,
        },
        time,
        TestContext.Current.CancellationToken);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Dispose();
    }
}

using Gatehouse.Store;
using Gatehouse.Store.Sqlite;

namespace Gatehouse.Bench.Store;

/// <summary>
/// Rounds against the embedded store. It is open for the round alone: what it keeps in memory would otherwise be walked by the garbage collections of the
/// process that also drives etcd. Opening and closing are not timed.
/// </summary>
internal sealed class StoreLoad
{
    private readonly string _path;
    private readonly WriteLoad _load;
    private SqliteStore? _store;

    public StoreLoad(string path, int writers, int valueBytes) => (_path, _load) = (path, new WriteLoad(writers, valueBytes, WriteAsync));

    public async Task<WriteResults> RunAsync(TimeSpan duration)
    {
        _store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = _path }, TimeProvider.System);
        var results = await _load.RunAsync(duration);
        if (_store.Trouble is { } trouble) throw new InvalidOperationException(trouble);
        await _store.DisposeAsync();
        _store = null;
        return results;
    }

    private async Task<long> WriteAsync(string key, byte[] value, long expected)
    {
        var result = await _store!.WriteAsync(new StoreWrite(key, value, expected), default);
        return result.Written ? result.Revision : throw new InvalidOperationException($"{key} conflicts");
    }
}

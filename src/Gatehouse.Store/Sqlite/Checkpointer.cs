using SQLitePCL;

namespace Gatehouse.Store.Sqlite;

/// <summary>
/// Moves SQLite's log into the file on a second connection and a thread of its own, so that no commit waits for it. A pass takes place after
/// <see cref="SqliteStoreOptions.CheckpointBytes"/> of log, and five seconds after the last pass when anything was written since.
/// </summary>
/// <remarks>
/// Under writes without pause a pass never reaches the log's end, and the log would grow for ever. Beyond four times the option the writer itself
/// moves the rest between two commits, most of which these passes have already moved, and SQLite then starts the log anew.
/// </remarks>
internal sealed class Checkpointer(Database database, SqliteStoreOptions options, StoreMetrics metrics, TimeProvider time, Action<string?> report) : IDisposable
{
    private const int PageBytes = 4096;
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    private readonly Lock _pass = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly ManualResetEventSlim _stopped = new(initialState: true);

    // Pages that no pass has moved, and, known to the writer alone, pages since the log was started anew.
    private long _pending;
    private long _sinceRestart;
    private volatile bool _stopping;

    public void Start()
    {
        _stopped.Reset();
        new Thread(Run) { IsBackground = true, Name = "store-checkpoint" }.Start();
    }

    /// <summary>Called by the writer after each commit.</summary>
    public void Committed(int pages)
    {
        if (Interlocked.Add(ref _pending, pages) * PageBytes >= options.CheckpointBytes) _wake.Set();
        _sinceRestart += pages;
        if (_sinceRestart * PageBytes >= 4 * options.CheckpointBytes && Pass()) _sinceRestart = 0;
    }

    public void Dispose()
    {
        _stopping = true;
        _wake.Set();
        _stopped.Wait();
        database.Dispose();
        _wake.Dispose();
        _stopped.Dispose();
    }

    private void Run()
    {
        while (!_stopping)
        {
            _wake.WaitOne(Idle);
            if (!_stopping && Interlocked.Read(ref _pending) > 0) Pass();
        }

        _stopped.Set();
    }

    // True when the whole log was moved.
    private bool Pass()
    {
        lock (_pass)
        {
            var started = time.GetTimestamp();
            var pending = Interlocked.Exchange(ref _pending, 0);
            var code = raw.sqlite3_wal_checkpoint_v2(database.Handle, null, raw.SQLITE_CHECKPOINT_PASSIVE, out var frames, out var moved);
            if (code != raw.SQLITE_OK)
            {
                // The log keeps what was written; the next pass tries again.
                Interlocked.Add(ref _pending, pending);
                metrics.Fault("checkpoint");
                report($"moving the log into the file: {raw.sqlite3_errmsg(database.Handle).utf8_to_string()}");
                return false;
            }

            metrics.Checkpoint(time.GetElapsedTime(started));
            report(null);
            return moved == frames;
        }
    }
}

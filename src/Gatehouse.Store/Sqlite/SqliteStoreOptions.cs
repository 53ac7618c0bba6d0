using Gatehouse.Objects;

namespace Gatehouse.Store.Sqlite;

/// <summary>What an operator can set for the embedded store.</summary>
public sealed record SqliteStoreOptions : StoreOptions
{
    /// <summary>
    /// The file. Its directory is made when it is missing (mode 0700), the file too (0600). Beside it live <c>-wal</c> and <c>-shm</c> (SQLite's log) and
    /// <c>.lock</c> (who owns it, and the last acknowledged revision). Must be on a local disk.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>How many writes wait before further callers wait for a place. 1 to 1,000,000; default 4,096. At 64 KiB
    /// of value each that is 256 MiB; of larger values at most 64 wait inside.</summary>
    public int MaxQueuedWrites { get; init; } = 4096;

    /// <summary>How many writes share one commit at most. 1 to 10,000; default 512.</summary>
    public int MaxCommitWrites { get; init; } = 512;

    /// <summary>How much log there may be before it is moved into the file, in bytes. 64 KiB to 1 GiB; default 8 MiB.</summary>
    public long CheckpointBytes { get; init; } = 8 << 20;

    private protected override void Check(List<Fault> faults)
    {
        base.Check(faults);
        if (string.IsNullOrWhiteSpace(Path)) faults.Add(new Fault("path", Path ?? "", "the path of a file"));
        else if (Directory.Exists(Path)) faults.Add(new Fault("path", Path, "the path of a file; this is a directory"));
        Between(faults, "maxQueuedWrites", MaxQueuedWrites, 1, 1_000_000);
        Between(faults, "maxCommitWrites", MaxCommitWrites, 1, 10_000);
        Between(faults, "checkpointBytes", CheckpointBytes, 64 << 10, 1 << 30);
    }
}

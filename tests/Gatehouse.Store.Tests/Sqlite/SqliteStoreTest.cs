using Gatehouse.Store.Sqlite;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests.Sqlite;

/// <summary>A directory and the ways to open the store in it.</summary>
public abstract class SqliteStoreTest : IDisposable
{
    private protected TemporaryDirectory Files { get; } = new();

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected string StorePath => Files["store.db"];

    protected string LockPath => StorePath + ".lock";

    protected string LogPath => StorePath + "-wal";

    public void Dispose()
    {
        Files.Dispose();
        GC.SuppressFinalize(this);
    }

    protected Task<SqliteStore> OpenAsync() => OpenAsync(new SqliteStoreOptions { Path = StorePath });

    protected static Task<SqliteStore> OpenAsync(SqliteStoreOptions options) => SqliteStore.OpenAsync(options, TimeProvider.System, Cancellation);

    /// <summary>Every key and every readable change, as text.</summary>
    protected static async Task<string> ContentsAsync(IRevisionStore store)
    {
        var present = await store.ListAsync("");
        var count = (int)(store.Revision - store.CompactedRevision);
        var changes = count == 0 ? [] : await store.WatchAsync("", store.CompactedRevision, count);
        var creations = await store.ListAsync(new ListRequest(""), Cancellation);
        IEnumerable<string> lines =
            [$"{store.Revision} {store.CompactedRevision}", .. present, .. creations.Entries.Select(e => $"{e.CreateRevision}"), .. changes.Select(c => c.Text())];
        return string.Join('\n', lines);
    }

    protected async Task<StoreDamagedException> AssertDamagedAsync()
    {
        var before = Bytes();
        var damage = await Assert.ThrowsAsync<StoreDamagedException>(OpenAsync);
        Assert.Contains(StorePath, damage.Message, StringComparison.Ordinal);
        Assert.Contains("Restore the file from a backup", damage.Message, StringComparison.Ordinal);
        Assert.Equal(before, Bytes());
        return damage;
    }

    private string Bytes() => string.Join(' ', ((string[])[StorePath, LogPath, LockPath]).Select(p =>
        new FileInfo(p) is { Exists: true, Length: > 0 } ? Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(p))) : "none"));
}

using Gatehouse.Store.Sqlite;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests.Sqlite;

/// <summary>A disk of a few megabytes that fills up: a tmpfs, mounted by the test.</summary>
public sealed class DiskTests : SqliteStoreTest
{
    [Fact]
    public async Task A_full_disk_is_reported_and_survived()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small disk needs root");
        var disk = Path.Combine(Files.Path, "disk");
        Directory.CreateDirectory(disk);
        await ShellCommand.RequireAsync("mount", ["-t", "tmpfs", "-o", "size=2m", $"gatehouse-{Environment.ProcessId}", disk]);
        try
        {
            var options = new SqliteStoreOptions { Path = Path.Combine(disk, "store.db") };
            await FillAndRecoverAsync(options, () => ShellCommand.RequireAsync("mount", ["-o", "remount,size=64m", disk]));
        }
        finally
        {
            await ShellCommand.RequireAsync("umount", [disk]);
        }
    }

    private static async Task FillAndRecoverAsync(SqliteStoreOptions options, Func<Task> makeRoom)
    {
        var kept = new Dictionary<string, string>();
        var store = await OpenAsync(options);
        try
        {
            var refusal = await FillAsync(store, kept);
            Assert.Contains("the disk is full", refusal.Message, StringComparison.Ordinal);
            Assert.Contains(options.Path, refusal.Message, StringComparison.Ordinal);
            Assert.False(refusal.Permanent);
            Assert.Equal(refusal.Message, store.Trouble);
            await AssertKeptAsync(store, kept);

            // Also after a restart on the full disk.
            await store.DisposeAsync();
            store = await OpenAsync(options);
            await AssertKeptAsync(store, kept);
            await FillAsync(store, kept);

            await makeRoom();
            await store.PutAsync("/room", "again");
            kept["/room"] = "again";
            Assert.Null(store.Trouble);
            await AssertKeptAsync(store, kept);
        }
        finally
        {
            await store.DisposeAsync();
        }

        await using var last = await OpenAsync(options);
        await AssertKeptAsync(last, kept);
    }

    // Writes until the disk refuses, from several writers at once.
    private static async Task<StoreUnavailableException> FillAsync(SqliteStore store, Dictionary<string, string> kept)
    {
        StoreUnavailableException? refusal = null;
        var gate = new Lock();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; refusal is null; i++)
            {
                var (key, value) = ($"/{store.Revision}/{writer}/{i}", new string((char)('a' + writer), 3000));
                try
                {
                    await store.PutAsync(key, value);
                    lock (gate) kept[key] = value;
                }
                catch (StoreUnavailableException e)
                {
                    refusal = e;
                }
            }
        }, Cancellation)));
        return refusal!;
    }

    private static async Task AssertKeptAsync(SqliteStore store, Dictionary<string, string> kept)
    {
        var list = await store.ListAsync(new ListRequest(""), Cancellation);
        Assert.Equal(kept.Count, list.Entries.Count);
        Assert.All(list.Entries, entry => Assert.Equal(kept[entry.Key], entry.Text()));
        Assert.Equal(kept.Count, store.Revision);
    }

    [Fact]
    public async Task A_directory_that_cannot_be_used_is_named()
    {
        await File.WriteAllTextAsync(Path.Combine(Files.Path, "file"), "", Cancellation);
        var path = Path.Combine(Files.Path, "file", "store.db");
        var fault = await Assert.ThrowsAsync<StoreUnavailableException>(() => OpenAsync(new SqliteStoreOptions { Path = path }));
        Assert.Contains(path, fault.Message, StringComparison.Ordinal);
    }
}

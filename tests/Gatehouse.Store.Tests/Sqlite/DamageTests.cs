using Gatehouse.Store.Sqlite;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests.Sqlite;

public sealed class DamageTests : SqliteStoreTest
{
    // Writes some history, and gives what the store then holds. Closed: everything is in the file.
    private async Task<string> FillAsync(int writes = 300)
    {
        await using var store = await OpenAsync();
        var random = new Random(3);
        for (var i = 0; i < writes; i++) await store.PutAsync($"/{i % 40}", new string((char)('a' + (i % 26)), random.Next(3000)));
        for (var i = 0; i < 10; i++) await store.DeleteAsync($"/{i}");
        await store.CompactAsync(writes / 3, Cancellation);
        return await ContentsAsync(store);
    }

    // The files as a crash would leave them: a reader keeps the log from being moved into the file while they are copied.
    private async Task<string> FillAndCrashAsync()
    {
        string contents;
        await using (var store = await OpenAsync())
        {
            await store.PutAsync("/first", "1");
            using var reader = Database.Open(StorePath);
            reader.Execute("BEGIN");
            reader.Execute("SELECT count(*) FROM log");
            for (var i = 0; i < 100; i++) await store.PutAsync($"/{i % 9}", new string('x', 500 + i));
            contents = await ContentsAsync(store);
            foreach (var path in (string[])[StorePath, LogPath]) File.Copy(path, path + ".copy");

            // .NET would respect the lock.
            await ShellCommand.RequireAsync("cp", [LockPath, LockPath + ".copy"]);
            reader.Execute("ROLLBACK");
        }

        foreach (var path in (string[])[StorePath, LogPath, LockPath]) File.Move(path + ".copy", path, overwrite: true);
        return contents;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    [InlineData(4096)]
    [InlineData(-4096)]
    [InlineData(-1)]
    [InlineData(-100_000)]
    public async Task A_file_that_was_cut_is_refused(long length)
    {
        await FillAsync();
        using (var file = File.OpenWrite(StorePath)) file.SetLength(length < 0 ? file.Length + length : length);
        await AssertDamagedAsync();
    }

    [Fact]
    public async Task A_bit_that_turned_anywhere_in_the_file_is_found_or_harmless()
    {
        var contents = await FillAsync();
        var whole = await File.ReadAllBytesAsync(StorePath, Cancellation);
        var mark = await File.ReadAllBytesAsync(LockPath, Cancellation);
        var random = new Random(1001);
        var found = 0;
        const int Turns = 400;
        for (var turn = 0; turn < Turns; turn++)
        {
            // A third of them in the header and the schema, where a bit means most.
            var position = turn % 3 == 0 ? random.Next(4096) : random.Next(whole.Length);
            var turned = (byte[])whole.Clone();
            turned[position] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(StorePath, turned, Cancellation);
            await File.WriteAllBytesAsync(LockPath, mark, Cancellation);
            found += await IsFoundAsync(contents, $"bit turned in byte {position}") ? 1 : 0;
        }

        Assert.InRange(found, Turns / 3, Turns);
    }

    [Fact]
    public async Task A_bit_that_turned_anywhere_in_the_log_is_found_or_harmless()
    {
        var contents = await FillAndCrashAsync();
        var files = ((string[])[StorePath, LogPath, LockPath]).ToDictionary(p => p, File.ReadAllBytes);
        var random = new Random(1002);
        var found = 0;
        const int Turns = 200;
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var (path, bytes) in files) await File.WriteAllBytesAsync(path, bytes, Cancellation);
            File.Delete(StorePath + "-shm");
            var turned = (byte[])files[LogPath].Clone();
            var position = random.Next(turned.Length);
            turned[position] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(LogPath, turned, Cancellation);
            found += await IsFoundAsync(contents, $"bit turned in byte {position} of the log") ? 1 : 0;
        }

        // SQLite's log sums each frame over all before it, so every bit counts.
        Assert.InRange(found, Turns - 5, Turns);
    }

    private async Task<bool> IsFoundAsync(string contents, string what)
    {
        try
        {
            await using var store = await OpenAsync();
            Assert.True(contents == await ContentsAsync(store), $"{what}: not found, and the contents differ");
            return false;
        }
        catch (StoreException e)
        {
            Assert.Contains(StorePath, e.Message, StringComparison.Ordinal);
            return true;
        }
    }

    [Fact]
    public async Task What_a_crash_leaves_is_whole()
    {
        var contents = await FillAndCrashAsync();
        await using var store = await OpenAsync();
        Assert.Equal(contents, await ContentsAsync(store));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(5000)]
    [InlineData(-1)]
    [InlineData(-20_000)]
    public async Task A_log_that_was_cut_is_refused(long length)
    {
        await FillAndCrashAsync();
        using (var log = File.OpenWrite(LogPath)) log.SetLength(length < 0 ? log.Length + length : length);
        var damage = await AssertDamagedAsync();
        Assert.Contains("but 101 was acknowledged", damage.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_was_removed_is_refused_and_accepted_when_the_operator_says_so()
    {
        await FillAndCrashAsync();
        File.Delete(LogPath);
        Assert.Contains("delete the .lock file", (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
        File.Delete(LockPath);
        await using var store = await OpenAsync();
        Assert.InRange(store.Revision, 0, 1);
    }

    [Fact]
    public async Task An_older_copy_in_the_files_place_is_refused()
    {
        await FillAsync();
        File.Copy(StorePath, StorePath + ".old");
        await using (var store = await OpenAsync()) await store.PutAsync("/new", "1");
        File.Move(StorePath + ".old", StorePath, overwrite: true);
        Assert.Contains("it ends at revision 310, but 311 was acknowledged", (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_store_in_the_files_place_is_refused()
    {
        await FillAsync();
        var other = Path.Combine(Files.Path, "other.db");
        await using (var store = await OpenAsync(new SqliteStoreOptions { Path = other })) await store.PutAsync("/a", "1");
        File.Move(other, StorePath, overwrite: true);
        Assert.Contains("another store", (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_was_removed_is_missed()
    {
        await FillAsync();
        File.Delete(StorePath);
        Assert.Contains("written up to revision 310", (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(StorePath));
    }

    [Theory]
    [InlineData("")]
    [InlineData("gatehouse-store")]
    [InlineData("gatehouse-store 0123 0000000000000000310 00000000")]
    [InlineData("\0\0\0\0\0\0\0")]
    public async Task A_mark_that_cannot_be_read_is_refused_and_none_is_accepted(string mark)
    {
        var contents = await FillAsync();
        await File.WriteAllTextAsync(LockPath, mark, Cancellation);
        if (mark.Length > 0)
        {
            Assert.Contains($"{LockPath} can't be read", (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
            return;
        }

        await using var store = await OpenAsync();
        Assert.Equal(contents, await ContentsAsync(store));
    }

    [Theory]
    [InlineData("DELETE FROM log WHERE revision = 250", "revision 250 is missing")]
    [InlineData("DELETE FROM log WHERE revision = 90", "rows where")]
    [InlineData("DELETE FROM log WHERE revision = 310", "rows")]
    [InlineData("UPDATE log SET value = 'x' WHERE revision = 250", "revision 250 does not match its checksum")]
    [InlineData("UPDATE log SET key = '/else' WHERE revision = 250", "revision 250 does not match its checksum")]
    [InlineData("UPDATE log SET revision = 400 WHERE revision = 310", "revision 400 does not match its checksum")]
    [InlineData("UPDATE head SET revision = 300", "head row does not match")]
    [InlineData("DELETE FROM head", "head row is missing")]
    [InlineData("DROP TABLE log", "no such table")]
    [InlineData("PRAGMA user_version = 2", "version 2; this program reads version 1")]
    [InlineData("PRAGMA application_id = 5", "another program")]
    public async Task A_file_that_was_edited_is_refused(string edit, string reason)
    {
        await FillAsync();
        using (var database = Database.Open(StorePath)) database.Execute(edit);
        Assert.Contains(reason, (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_vanishes_under_the_running_store_stops_writes_but_not_reads()
    {
        await using (var store = await OpenAsync())
        {
            for (var i = 0; i < 20; i++) await store.PutAsync("/a", $"{i}");
            using (var database = Database.Open(StorePath)) database.Execute("DELETE FROM log WHERE revision = 3");
            await store.CompactAsync(10, Cancellation);
            var damage = await Assert.ThrowsAsync<StoreDamagedException>(() => PutUntilRefusedAsync(store));
            Assert.Contains("row 3 is missing", damage.Message, StringComparison.Ordinal);
            Assert.Equal(damage.Message, store.Trouble);
            Assert.StartsWith("1", await store.ReadAsync("/a"), StringComparison.Ordinal);
            await Assert.ThrowsAsync<StoreDamagedException>(() => store.PutAsync("/b", "1"));
        }

        await AssertDamagedAsync();
    }

    private static async Task PutUntilRefusedAsync(SqliteStore store)
    {
        while (true) await store.PutAsync("/a", "1");
    }

    [Fact]
    public async Task A_program_that_locks_the_file_for_a_moment_delays_a_write()
    {
        await using var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        using var other = Database.Open(StorePath);
        other.Execute("BEGIN IMMEDIATE");
        var write = store.PutAsync("/a", "2");
        Assert.Equal("1", await store.ReadAsync("/a"));
        other.Execute("ROLLBACK");
        Assert.Equal(2, await write);
    }

    [Fact]
    public async Task A_file_of_another_program_is_left_alone()
    {
        await File.WriteAllTextAsync(StorePath, "[Unit]\nDescription=something else entirely\n" + new string('#', 2000), Cancellation);
        await AssertDamagedAsync();
        File.Delete(StorePath);
        File.Delete(LockPath);
        await File.WriteAllBytesAsync(StorePath, [], Cancellation);
        using (var database = Database.Open(StorePath)) database.Execute("CREATE TABLE theirs(x)");
        Assert.Contains("another program", (await AssertDamagedAsync()).Message, StringComparison.Ordinal);
    }
}

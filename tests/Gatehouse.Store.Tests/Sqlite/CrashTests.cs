using System.Globalization;
using Gatehouse.Store.Sqlite;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests.Sqlite;

public sealed class CrashTests : SqliteStoreTest
{
    private const int Writes = 10_000;

    [Theory]
    [InlineData(1)]
    [InlineData(700)]
    [InlineData(4000)]
    [InlineData(9000)]
    public async Task Kill_in_the_middle_of_ten_thousand_writes_loses_no_acknowledged_write(int acknowledgementsBeforeKill)
    {
        var acknowledged = await KillAfterAsync(acknowledgementsBeforeKill);
        Assert.InRange(acknowledged.Count, acknowledgementsBeforeKill, Writes);

        await using var store = await OpenAsync();
        var changes = await store.WatchAsync("", 0, (int)store.Revision);
        Assert.Equal(Enumerable.Range(1, changes.Count).Select(i => (long)i), changes.Select(c => c.Revision));
        var numbers = changes.ToDictionary(c => BitConverter.ToInt32(c.Value!.Value.Span), c => c.Revision);
        foreach (var change in changes)
        {
            var number = BitConverter.ToInt32(change.Value!.Value.Span);
            Assert.Equal(ChildProcess.KeyOf(number), change.Key);
            Assert.True(change.Value!.Value.Span.SequenceEqual(ChildProcess.ValueOf(number)), $"write {number} is there in part");
        }

        foreach (var (number, revision) in acknowledged)
        {
            Assert.True(numbers.TryGetValue(number, out var found), $"write {number} was acknowledged as revision {revision} and is lost");
            Assert.Equal(revision, found);
        }

        Assert.Equal(store.Revision + 1, await store.PutAsync("/after", "the crash", 0));
    }

    [Fact]
    public async Task Crash_after_crash_on_the_same_file_keeps_everything()
    {
        var last = 0L;
        for (var round = 0; round < 3; round++)
        {
            var acknowledged = await KillAfterAsync(500);
            await using var store = await OpenAsync();
            Assert.True(store.Revision >= acknowledged.Max(a => a.Revision));
            Assert.True(acknowledged.Min(a => a.Revision) > last);
            last = store.Revision;
            var changes = await store.WatchAsync("", 0, (int)last);
            Assert.Equal(last, changes.Count);
        }
    }

    // kill -9 leaves what the kernel holds; a power cut would not. So the calls themselves are looked at.
    [Fact]
    public async Task Every_acknowledgement_follows_a_sync_of_the_log_of_its_own()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/strace"), "looking at system calls needs strace");
        const int Acknowledgements = 30;
        string[] child = [Environment.ProcessPath!, ChildProcess.WriteSinglyWord, StorePath, $"{Acknowledgements}"];
        var trace = Files["trace"];
        await ShellCommand.RequireAsync("strace", ["-f", "-y", "-o", trace, "-e", "trace=write,fdatasync,fsync", .. child]);
        var (synced, acknowledged) = (false, 0);
        var syncing = new HashSet<string>();
        foreach (var line in await File.ReadAllLinesAsync(trace, Cancellation))
        {
            var thread = line[..line.IndexOf(' ')];
            if (line.Contains("sync(", StringComparison.Ordinal) && line.Contains("store.db-wal>", StringComparison.Ordinal)) syncing.Add(thread);
            if (line.Contains("sync", StringComparison.Ordinal) && line.EndsWith("= 0", StringComparison.Ordinal) && syncing.Remove(thread)) synced = true;
            if (!line.Contains("\"ack\\n\"", StringComparison.Ordinal)) continue;
            Assert.True(synced, $"acknowledgement {acknowledged + 1} came without a sync before it");
            (synced, acknowledged) = (false, acknowledged + 1);
        }

        Assert.Equal(Acknowledgements, acknowledged);
    }

    // What the child said was acknowledged, everything that it got out before it died included.
    private async Task<List<(int Number, long Revision)>> KillAfterAsync(int count)
    {
        using var child = ChildProcess.Start(ChildProcess.WriteWord, StorePath, $"{Writes}");
        var acknowledged = new List<(int, long)>();
        try
        {
            while (await child.StandardOutput.ReadLineAsync(Cancellation) is { } line)
            {
                if (line.Split(' ') is [var number, var revision]
                    && int.TryParse(number, CultureInfo.InvariantCulture, out var n)
                    && long.TryParse(revision, CultureInfo.InvariantCulture, out var r))
                {
                    acknowledged.Add((n, r));
                }

                if (acknowledged.Count == count) child.Kill();
            }
        }
        finally
        {
            child.Kill();
            await child.WaitForExitAsync(CancellationToken.None);
        }

        Assert.Equal(128 + 9, child.ExitCode);
        return acknowledged;
    }

    [Fact]
    public async Task A_second_process_is_refused_and_told_who_holds_the_store()
    {
        using var child = ChildProcess.Start(ChildProcess.HoldWord, StorePath);
        try
        {
            Assert.Equal("open", await child.StandardOutput.ReadLineAsync(Cancellation));
            var refused = await Assert.ThrowsAsync<StoreInUseException>(OpenAsync);
            Assert.Contains($"process {child.Id} (", refused.Message, StringComparison.Ordinal);
            Assert.Contains(StorePath, refused.Message, StringComparison.Ordinal);
            child.StandardInput.Close();
            await child.WaitForExitAsync(Cancellation);
            await using var free = await OpenAsync();
            Assert.Equal(1, await free.PutAsync("/a", "1"));
        }
        finally
        {
            child.Kill();
        }
    }

    [Fact]
    public async Task The_same_process_is_refused_a_second_time_too()
    {
        await using var first = await OpenAsync();
        await Assert.ThrowsAsync<StoreInUseException>(OpenAsync);
        await first.PutAsync("/a", "1");
    }
}

using System.Diagnostics;
using Gatehouse.Store.Sqlite;

namespace Gatehouse.Store.Tests.Support;

/// <summary>A real process with a store, to be killed or to be in the way.</summary>
internal static class ChildProcess
{
    public const string WriteWord = "store-write";
    public const string WriteSinglyWord = "store-write-singly";
    public const string HoldWord = "store-hold";

    private const int Keys = 4000;

    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    public static string KeyOf(int write) => $"/crash/{write % Keys:d5}";

    /// <summary>What a write puts down: its number, and a length and content that follow from it.</summary>
    public static byte[] ValueOf(int write)
    {
        var value = new byte[8 + new Random(write).Next(2000)];
        new Random(write).NextBytes(value);
        BitConverter.TryWriteBytes(value, write);
        return value;
    }

    /// <summary>Starts all writes at once and says "NUMBER REVISION" for each when it is acknowledged.</summary>
    public static async Task<int> WriteAsync(string path, int writes)
    {
        var store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = path, CheckpointBytes = 1 << 20 }, TimeProvider.System);
        var output = TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        await Task.WhenAll(Enumerable.Range(0, writes).Select(async write =>
        {
            var result = await store.WriteAsync(new StoreWrite(KeyOf(write), ValueOf(write), ExpectedRevision: null), default);
            await output.WriteLineAsync($"{write} {result.Revision}");
        }));

        // The parent kills this process; it never closes the store.
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, default);
        return 0;
    }

    /// <summary>One write after another, with "ack" for each.</summary>
    public static async Task<int> WriteSinglyAsync(string path, int writes)
    {
        await using var store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = path }, TimeProvider.System);
        using var output = Console.OpenStandardOutput();
        for (var i = 0; i < writes; i++)
        {
            await store.WriteAsync(new StoreWrite(KeyOf(i), ValueOf(i), ExpectedRevision: null), default);
            output.Write("ack\n"u8);
        }

        return 0;
    }

    /// <summary>Says "open" and holds the store until its input ends.</summary>
    public static async Task<int> HoldAsync(string path)
    {
        await using var store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = path }, TimeProvider.System);
        Console.WriteLine("open");
        await Console.In.ReadToEndAsync();
        return 0;
    }
}

using System.Text;

namespace Gatehouse.Store.Tests.Support;

/// <summary>Short forms for what most tests do.</summary>
internal static class StoreReading
{
    /// <summary>No test waits longer than this for anything.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    extension(IRevisionStore store)
    {
        public async Task<long> PutAsync(string key, string value, long? expected = null)
        {
            var result = await store.WriteAsync(new StoreWrite(key, Encoding.UTF8.GetBytes(value), expected), TestContext.Current.CancellationToken);
            Assert.True(result.Written, $"writing {key} conflicts with revision {result.Current?.Revision}");
            return result.Revision;
        }

        public async Task<WriteResult> TryPutAsync(string key, string value, long? expected) =>
            await store.WriteAsync(new StoreWrite(key, Encoding.UTF8.GetBytes(value), expected), TestContext.Current.CancellationToken);

        public async Task<WriteResult> DeleteAsync(string key, long? expected = null) =>
            await store.WriteAsync(new StoreWrite(key, Value: null, expected), TestContext.Current.CancellationToken);

        public async Task<string?> ReadAsync(string key, long revision = 0) =>
            (await store.GetAsync(key, revision, TestContext.Current.CancellationToken))?.Text();

        /// <summary>"key=value@revision" of each entry.</summary>
        public async Task<string[]> ListAsync(string prefix, long revision = 0)
        {
            var list = await store.ListAsync(new ListRequest(prefix, revision), TestContext.Current.CancellationToken);
            return [.. list.Entries.Select(e => $"{e.Key}={e.Text()}@{e.Revision}")];
        }

        /// <summary>The next events of a new watch, without progress.</summary>
        public async Task<List<StoreEvent>> WatchAsync(string prefix, long after, int count)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            limit.CancelAfter(Patience);
            var events = new List<StoreEvent>();
            await foreach (var change in store.WatchAsync(prefix, after, limit.Token))
            {
                if (change.Key is not null) events.Add(change);
                if (events.Count == count) break;
            }

            return events;
        }
    }

    public static string Text(this StoreEntry entry) => Encoding.UTF8.GetString(entry.Value.Span);

    /// <summary>"revision key=value", with "-" for a delete and what was there before in brackets.</summary>
    public static string Text(this StoreEvent change) =>
        $"{change.Revision} {change.Key}={(change.Value is { } value ? Encoding.UTF8.GetString(value.Span) : "-")}[{change.Previous?.Text()}]";
}

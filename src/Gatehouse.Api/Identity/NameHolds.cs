namespace Gatehouse.Api.Identity;

/// <summary>Names that joined a moment ago and the keys that they joined with: until a member's first lease, nobody else joins under its name.</summary>
/// <remarks>
/// Safe for any thread. In memory alone: a restart of the server forgets, and the members' leases decide by themselves again. At most 65,536 names; beyond, the
/// oldest is forgotten.
/// </remarks>
internal sealed class NameHolds(TimeSpan hold, TimeProvider time)
{
    private const int Names = 65_536;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string Key, DateTimeOffset Until)> _holds = new(StringComparer.Ordinal);
    private readonly Queue<(string Name, DateTimeOffset Until)> _order = new();

    /// <summary>Takes a name for a key; false when another key holds it.</summary>
    /// <param name="force">The token names this member: it takes the name over.</param>
    public bool TryTake(string name, string key, bool force)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            while (_order.TryPeek(out var oldest) && (oldest.Until <= now || _order.Count >= Names))
            {
                _order.Dequeue();
                if (_holds.TryGetValue(oldest.Name, out var entry) && entry.Until == oldest.Until) _holds.Remove(oldest.Name);
            }

            if (!force && _holds.TryGetValue(name, out var held) && held.Key != key) return false;
            _holds[name] = (key, now + hold);
            _order.Enqueue((name, now + hold));
            return true;
        }
    }
}

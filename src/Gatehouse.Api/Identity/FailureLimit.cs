using System.Net;

namespace Gatehouse.Api.Identity;

/// <summary>Counts failures by source address in windows of a minute. A member with a good token never meets it.</summary>
/// <remarks>
/// Safe for any thread. Remembers at most 4,096 addresses of a window; when they are used up, every further address counts as one, so that a flood of addresses
/// limits strangers and not the memory.
/// </remarks>
internal sealed class FailureLimit(int perMinute, TimeProvider time)
{
    private const int Addresses = 4_096;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _failures = [];
    private DateTimeOffset _start;

    /// <summary>Seconds to wait, or null when the address may try.</summary>
    public int? Refuse(IPAddress? address)
    {
        lock (_lock)
        {
            Roll();
            var failures = _failures.GetValueOrDefault(Slot(address));
            return failures < perMinute ? null : (int)Math.Ceiling((_start + Window - time.GetUtcNow()).TotalSeconds);
        }
    }

    public void Failed(IPAddress? address)
    {
        lock (_lock)
        {
            Roll();
            var slot = Slot(address);
            _failures[slot] = _failures.GetValueOrDefault(slot) + 1;
        }
    }

    private IPAddress Slot(IPAddress? address) =>
        address is not null && (_failures.Count < Addresses || _failures.ContainsKey(address)) ? address : IPAddress.None;

    private void Roll()
    {
        var now = time.GetUtcNow();
        if (now - _start < Window) return;
        _start = now;
        _failures.Clear();
    }
}

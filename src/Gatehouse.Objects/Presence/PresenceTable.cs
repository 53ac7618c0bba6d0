using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Presence;

/// <summary>
/// Who renews its lease. Counts from the moment at which a renewal is seen here, never from the time that the member wrote into it: the members' clocks
/// may be wrong. After a restart everybody has one whole lease to be heard again, but who was away stays so until it is.
/// </summary>
/// <remarks>Safe for any thread. As large as the leases in the store.</remarks>
public sealed class PresenceTable
{
    /// <summary>Of a lease that names no duration.</summary>
    public static readonly TimeSpan DefaultDuration = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Sign> _signs = new(StringComparer.Ordinal);

    /// <summary>Takes in a lease as it is now.</summary>
    /// <param name="wasAway">The member counted as away when this process began; matters for the first sight of its lease alone.</param>
    /// <returns>When the lease ends, unless it is renewed.</returns>
    public DateTimeOffset Observe(Lease lease, DateTimeOffset now, bool wasAway)
    {
        lock (_gate)
        {
            var duration = lease.Spec.LeaseDurationSeconds is > 0 and var s ? TimeSpan.FromSeconds(s) : DefaultDuration;
            var renewal = (lease.Metadata.Uid, lease.Spec.HolderIdentity, lease.Spec.RenewTime);
            if (_signs.TryGetValue(lease.Metadata.Name, out var known) && known.Renewal == renewal && known.Duration == duration) return known.End;
            var end = known is null && wasAway ? DateTimeOffset.MinValue : now + duration;
            _signs[lease.Metadata.Name] = new Sign(renewal, duration, end);
            return end;
        }
    }

    /// <summary>Forgets a member whose lease was deleted: it is away from now on.</summary>
    public void Remove(string name)
    {
        lock (_gate) _signs.Remove(name);
    }

    /// <summary>When the member's lease ends or ended; null when there is none.</summary>
    public DateTimeOffset? EndOf(string name)
    {
        lock (_gate) return _signs.TryGetValue(name, out var sign) ? sign.End : null;
    }

    /// <summary>The phase of a member now.</summary>
    /// <param name="before">The phase so far: a member that was never seen is <see cref="PresencePhase.Pending"/>, not away.</param>
    public PresencePhase PhaseOf(string name, PresencePhase before, DateTimeOffset now) => EndOf(name) switch
    {
        { } end when end > now => PresencePhase.Ready,
        null => before == PresencePhase.Pending ? PresencePhase.Pending : PresencePhase.Away,
        _ => PresencePhase.Away,
    };

    private sealed record Sign((string?, string?, DateTimeOffset?) Renewal, TimeSpan Duration, DateTimeOffset End);
}

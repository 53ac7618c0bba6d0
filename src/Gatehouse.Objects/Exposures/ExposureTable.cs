using System.Globalization;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Exposures;

/// <summary>Exposures that may get into each other's way: those of one gateway with one protocol and port.</summary>
public readonly record struct ExposurePort(string Gateway, Protocol Protocol, int Port)
{
    /// <summary>Where an exposure wants to be.</summary>
    public static ExposurePort Of(ExposureSpec spec) => new(spec.Gateway, spec.Protocol, spec.Port);
}

/// <summary>
/// Exposures in memory, by name, port, gateway and service address, so that one change touches only what it concerns. Any thread; each call is whole.
/// Bounded by the number of exposures in the store.
/// </summary>
public sealed class ExposureTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Exposure> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<ExposurePort, SortedSet<string>> _byPort = [];
    private readonly Dictionary<string, SortedSet<string>> _byGateway = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _byService = new(StringComparer.Ordinal);

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _byName.Count;
        }
    }

    /// <summary>One exposure, or null.</summary>
    public Exposure? Find(string name)
    {
        lock (_lock) return _byName.GetValueOrDefault(name);
    }

    /// <summary>Takes in a state, unless a later one is known already: a write's answer and its watch event may come in either order.</summary>
    /// <returns>The state before, or null.</returns>
    public Exposure? Put(Exposure value)
    {
        lock (_lock)
        {
            var before = _byName.GetValueOrDefault(value.Metadata.Name);
            if (before is not null && Revision(before) > Revision(value)) return before;
            if (before is not null) Unlink(before);
            _byName[value.Metadata.Name] = value;
            Link(value);
            return before;
        }
    }

    /// <summary>Forgets an exposure.</summary>
    /// <returns>The last state, or null.</returns>
    public Exposure? Remove(string name)
    {
        lock (_lock)
        {
            if (!_byName.Remove(name, out var before)) return null;
            Unlink(before);
            return before;
        }
    }

    /// <summary>Those of one gateway, protocol and port, the first in line first.</summary>
    public IReadOnlyList<Exposure> At(ExposurePort port)
    {
        lock (_lock) return Resolve(_byPort.GetValueOrDefault(port)).Order(ExposureOrder.Instance).ToList();
    }

    /// <summary>Those of one gateway.</summary>
    public IReadOnlyList<Exposure> OfGateway(string gateway)
    {
        lock (_lock) return Resolve(_byGateway.GetValueOrDefault(gateway)).ToList();
    }

    /// <summary>Those that lead to one service or instance address.</summary>
    public IReadOnlyList<Exposure> OfService(string address)
    {
        lock (_lock) return Resolve(_byService.GetValueOrDefault(ExposureRules.Normalise(address))).ToList();
    }

    /// <summary>All.</summary>
    public IReadOnlyList<Exposure> All()
    {
        lock (_lock) return [.. _byName.Values];
    }

    /// <summary>Who has what an exposure wants, if anybody: the first in line that overlaps with it and stands ahead of it.</summary>
    /// <param name="wanted">The one that asks; a new one has no name yet and stands behind all others.</param>
    public Exposure? Holder(Exposure wanted)
    {
        var held = new List<Exposure>();
        foreach (var other in At(ExposurePort.Of(wanted.Spec)))
        {
            if (other.Metadata.Name == wanted.Metadata.Name) break;
            if (ExposureOrder.IsLeaving(other) || held.Exists(h => ExposureOrder.Overlap(h.Spec, other.Spec))) continue;
            held.Add(other);
        }

        return held.Find(h => ExposureOrder.Overlap(h.Spec, wanted.Spec));
    }

    private IEnumerable<Exposure> Resolve(SortedSet<string>? names) => names is null ? [] : names.Select(n => _byName[n]);

    private void Link(Exposure value)
    {
        Add(_byPort, ExposurePort.Of(value.Spec), value.Metadata.Name);
        Add(_byGateway, value.Spec.Gateway, value.Metadata.Name);
        Add(_byService, ExposureRules.Normalise(value.Spec.ServiceAddress), value.Metadata.Name);
    }

    private void Unlink(Exposure value)
    {
        Drop(_byPort, ExposurePort.Of(value.Spec), value.Metadata.Name);
        Drop(_byGateway, value.Spec.Gateway, value.Metadata.Name);
        Drop(_byService, ExposureRules.Normalise(value.Spec.ServiceAddress), value.Metadata.Name);
    }

    private static void Add<TKey>(Dictionary<TKey, SortedSet<string>> index, TKey key, string name)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var names)) index[key] = names = new SortedSet<string>(StringComparer.Ordinal);
        names.Add(name);
    }

    private static void Drop<TKey>(Dictionary<TKey, SortedSet<string>> index, TKey key, string name)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var names)) return;
        names.Remove(name);
        if (names.Count == 0) index.Remove(key);
    }

    private static ulong Revision(Exposure value) =>
        ulong.TryParse(value.Metadata.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;
}

/// <summary>Who stands ahead of whom when two exposures want the same port: who holds it, then who was created first, then the smaller name.</summary>
public sealed class ExposureOrder : IComparer<Exposure>
{
    /// <summary>The order has no state.</summary>
    public static ExposureOrder Instance { get; } = new();

    /// <inheritdoc/>
    public int Compare(Exposure? x, Exposure? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        var byHold = Holds(y).CompareTo(Holds(x));
        if (byHold != 0) return byHold;
        var byAge = Nullable.Compare<DateTimeOffset>(x.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue, y.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue);
        return byAge != 0 ? byAge : string.CompareOrdinal(x.Metadata.Name, y.Metadata.Name);
    }

    /// <summary>Whether it has its port: the cluster gave it an identifier and did not take the port back.</summary>
    public static bool Holds(Exposure value) => value.Status is { Id: not null, Phase: ExposurePhase.Active or ExposurePhase.Scheduled or ExposurePhase.Pending };

    /// <summary>Whether it was withdrawn or deleted: it has no say about its port any more.</summary>
    public static bool IsLeaving(Exposure value) =>
        value.Spec.Withdraw || value.Metadata.DeletionTimestamp is not null || value.Status?.Phase is ExposurePhase.Draining or ExposurePhase.Withdrawn;

    /// <summary>Whether two exposures of one gateway, protocol and port want a public address in common.</summary>
    public static bool Overlap(ExposureSpec a, ExposureSpec b) =>
        ExposureRules.Family(a) == ExposureRules.Family(b)
        && (a.PublicAddress is null || b.PublicAddress is null || ExposureRules.Normalise(a.PublicAddress) == ExposureRules.Normalise(b.PublicAddress));
}

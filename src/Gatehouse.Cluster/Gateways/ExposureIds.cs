using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// Hands out exposure identifiers in a circle, so that one is reused as late as can be: packets and conntrack entries of the last owner are long gone.
/// How far the circle is must be on disk before an identifier is used; to save writes, that is done for <see cref="BlockSize"/> at once.
/// </summary>
/// <remarks>Owned by the reconciler's loop.</remarks>
internal sealed class ExposureIds
{
    /// <summary>The identifiers are 1 to this.</summary>
    public const int Max = 16_777_215;

    /// <summary>Identifiers that one durable write sets aside.</summary>
    public const int BlockSize = 256;

    private readonly HashSet<int> _used = [];
    private long _next;
    private long _setAside;

    /// <summary>How many identifiers are in use.</summary>
    public int InUse => _used.Count;

    /// <summary>Takes in what is on disk: everything set aside before this start counts as used up.</summary>
    public void Resume(IEnumerable<GatewayHost> hosts, IEnumerable<Exposure> exposures)
    {
        foreach (var exposure in exposures) Use(exposure.Status?.Id);
        _next = Math.Max(_next, hosts.Max(h => h.Status?.ExposureSequence) ?? 0);
        _setAside = Math.Max(_setAside, _next);
    }

    /// <summary>Marks an identifier that an object holds.</summary>
    public void Use(int? id)
    {
        if (id is { } value) _used.Add(value);
    }

    /// <summary>Gives an identifier back, once nothing of its exposure is left.</summary>
    public void Release(int? id)
    {
        if (id is { } value) _used.Remove(value);
    }

    /// <summary>The sequence that has to be written before <paramref name="count"/> identifiers can be taken; null when enough is set aside.</summary>
    public long? SequenceFor(int count) => _next + count <= _setAside ? null : _next + Math.Max(count, BlockSize);

    /// <summary>The sequence is durable.</summary>
    public void SetAside(long sequence) => _setAside = Math.Max(_setAside, sequence);

    /// <summary>The next identifier; null when more has to be set aside first, or all are in use.</summary>
    public int? Take()
    {
        while (_used.Count < Max && _next < _setAside)
        {
            var id = (int)(_next++ % Max) + 1;
            if (_used.Add(id)) return id;
        }

        return null;
    }
}

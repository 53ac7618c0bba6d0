using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Translation;

/// <summary>A change of one element in the kernel.</summary>
/// <param name="Value">What it becomes; null when it goes.</param>
/// <param name="Before">What it was; null when it is new.</param>
internal readonly record struct TableChange(ElementKey Key, ElementValue? Value, ElementValue? Before);

/// <summary>
/// The elements that the kernel should hold, by who wants them: a service, a peer, an instance, an exposure. Several may want the same element; the last to ask
/// wins, and when it goes, the one before it counts again. A change costs as much as it changes, however large the table is.
/// </summary>
/// <remarks>Not safe for concurrent use; the data path owns it.</remarks>
internal sealed class ElementTable
{
    private readonly Dictionary<string, Dictionary<ElementKey, ElementValue>> _byOwner = new(StringComparer.Ordinal);
    private readonly Dictionary<ElementKey, Holders> _holders = [];

    /// <summary>How many elements the kernel should hold.</summary>
    public int Count => _holders.Count;

    /// <summary>Those who want elements.</summary>
    public IReadOnlyCollection<string> Owners => _byOwner.Keys;

    /// <summary>All elements that count.</summary>
    public IEnumerable<NftElement> Elements => _holders.Select(h => new NftElement(h.Key, h.Value.Last));

    /// <summary>The value that counts, or null.</summary>
    public ElementValue? Find(ElementKey key) => _holders.TryGetValue(key, out var holders) ? holders.Last : null;

    /// <summary>Replaces all that one owner wants; empty to forget the owner.</summary>
    /// <returns>What changes in the kernel, removals after additions, so that a batch never leaves an address without an answer.</returns>
    public List<TableChange> Replace(string owner, IEnumerable<NftElement> elements)
    {
        var wanted = new Dictionary<ElementKey, ElementValue>();
        foreach (var element in elements) wanted[element.Key] = element.Value;
        var had = _byOwner.GetValueOrDefault(owner);
        var changes = new List<TableChange>();
        foreach (var (key, value) in wanted)
        {
            if (had is not null && had.TryGetValue(key, out var old) && old == value) continue;
            Set(owner, key, value, changes);
        }

        foreach (var key in had?.Keys.Where(k => !wanted.ContainsKey(k)) ?? []) Unset(owner, key, changes);
        if (wanted.Count == 0) _byOwner.Remove(owner);
        else _byOwner[owner] = wanted;
        return changes;
    }

    private void Set(string owner, ElementKey key, ElementValue value, List<TableChange> changes)
    {
        if (!_holders.TryGetValue(key, out var holders))
        {
            _holders[key] = new Holders(owner, value);
            changes.Add(new(key, value, null));
            return;
        }

        var before = holders.Last;
        holders.Put(owner, value);
        if (before != value) changes.Add(new(key, value, before));
    }

    private void Unset(string owner, ElementKey key, List<TableChange> changes)
    {
        var holders = _holders[key];
        var before = holders.Last;
        if (!holders.Remove(owner))
        {
            _holders.Remove(key);
            changes.Add(new(key, null, before));
        }
        else if (holders.Last != before)
        {
            changes.Add(new(key, holders.Last, before));
        }
    }

    /// <summary>Who wants an element, in the order of asking. Nearly always one; many where many services lead to one instance.</summary>
    private sealed class Holders(string owner, ElementValue value)
    {
        private OrderedDictionary<string, ElementValue>? _more;
        private (string Owner, ElementValue Value) _only = (owner, value);

        public ElementValue Last => _more is { } more ? more.GetAt(more.Count - 1).Value : _only.Value;

        public void Put(string owner, ElementValue value)
        {
            if (_more is null && _only.Owner == owner)
            {
                _only = (owner, value);
                return;
            }

            _more ??= new(StringComparer.Ordinal) { [_only.Owner] = _only.Value };
            _more.Remove(owner);
            _more.Add(owner, value);
        }

        /// <returns>False when nobody wants it any more.</returns>
        public bool Remove(string owner)
        {
            if (_more is null) return _only.Owner != owner;
            _more.Remove(owner);
            if (_more.Count > 1) return true;
            (var last, _more) = (_more.GetAt(0), null);
            _only = (last.Key, last.Value);
            return true;
        }
    }
}

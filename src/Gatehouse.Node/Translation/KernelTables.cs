using System.Text.Json;
using Gatehouse.Linux;
using Gatehouse.Linux.Nftables;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Translation;

/// <summary>The way into the kernel: whole tables as text, elements as netlink messages without any program or library between.</summary>
/// <remarks>Safe for any thread; loads are the caller's to order.</remarks>
internal sealed class KernelTables : IDisposable
{
    /// <summary>Of each family in one transaction; they take some 60 KiB.</summary>
    private const int ChainsAtOnce = 48;

    private readonly string _table;
    private readonly NftContext _nft;
    private readonly NftElements _v4;
    private readonly NftElements _v6;
    private readonly NftTables _reader;
    private readonly bool _inParts;
    private readonly NftTableSign?[] _loaded = new NftTableSign?[2];

    /// <summary>The kernel's generation up to which every transaction was looked at, or was ours.</summary>
    private volatile uint _compared;

    /// <param name="inParts">For tests: whether to load in parts; null: where the kernel would not take the whole.</param>
    public KernelTables(NetworkNamespace? ns, string table, bool? inParts = null)
    {
        _table = table;
        _nft = NftContext.Open(ns);
        _v4 = NftElements.Open(NftFamily.Ip, table, ns);
        _v6 = NftElements.Open(NftFamily.Ip6, table, ns);
        _reader = NftTables.Open(ns);
        _inParts = inParts ?? !_v4.AnySizeIsOneTransaction;
    }

    /// <summary>
    /// Replaces both tables in one transaction. In a user namespace, where transactions have a bound, in several: what packets don't meet first, the rules last, so
    /// that the tables that were there serve until the new ones do.
    /// </summary>
    public void Load(RulesetShape shape, IEnumerable<PolicyChain> chains, IEnumerable<NftElement> elements)
    {
        if (_inParts) LoadInParts(shape, chains, elements);
        else _nft.Run(RulesetText.Load(shape, chains, elements));
        Remember();
    }

    /// <summary>Adds chains; those that are there get the same rules again.</summary>
    public void Add(IEnumerable<PolicyChain> chains)
    {
        // What somebody else did before this must not count as ours afterwards.
        var whole = AreThere();
        _nft.Run(RulesetText.Add(_table, chains));
        if (whole) Remember();
    }

    /// <summary>Removes both tables.</summary>
    public void Unload()
    {
        _nft.Run(RulesetText.Unload(_table));
        Array.Clear(_loaded);
    }

    /// <summary>
    /// Whether the kernel has both tables as they were loaded here, with each chain, set and rule; elements are not compared. One question to the kernel while nobody else
    /// changed any table.
    /// </summary>
    /// <param name="thorough">Compare in any case.</param>
    public bool AreThere(bool thorough = false)
    {
        if (Array.Exists(_loaded, sign => sign is null)) return false;

        // Before the comparison: what changes meanwhile makes it another.
        var generation = _reader.Generation();
        if (generation == _compared && !thorough) return true;
        if (!_loaded.SequenceEqual(Signs())) return false;
        _compared = generation;
        return true;
    }

    /// <summary>Applies changes of elements, one transaction for each family.</summary>
    /// <remarks>For one thread at a time.</remarks>
    public void Apply(IReadOnlyCollection<TableChange> changes)
    {
        var before = _reader.Generation();
        var transactions = 0u;
        foreach (var family in IpFamilies.Both)
        {
            ElementChange[] ours = [.. changes.Where(c => c.Key.Set.Family == family).Select(Message)];
            if (ours.Length == 0) continue;
            Of(family).Apply(ours).ThrowIfFailed();
            transactions++;
        }

        // To compare all rules costs milliseconds, which changes would wait for: a kernel that went on by no more than our own transactions needs no look. A change that
        // made no difference is no transaction, so the count may be too high by one; who hides behind that is found by the next thorough look.
        if (before == _compared && _reader.Generation() is var after && after - before <= transactions) _compared = after;
    }

    public void Dispose()
    {
        _nft.Dispose();
        _v4.Dispose();
        _v6.Dispose();
        _reader.Dispose();
    }

    private void Remember()
    {
        _compared = _reader.Generation();
        Signs().CopyTo(_loaded);
    }

    private NftTableSign?[] Signs() => [_reader.Find(NftFamily.Ip, _table), _reader.Find(NftFamily.Ip6, _table)];

    private NftElements Of(IpFamily family) => family == IpFamily.V4 ? _v4 : _v6;

    private void LoadInParts(RulesetShape shape, IEnumerable<PolicyChain> chains, IEnumerable<NftElement> elements)
    {
        var known = RulesetText.Known(chains);
        NftElement[] wanted = [.. elements, .. RulesetText.Draws(known)];
        try
        {
            LoadInParts(shape, known, wanted);
        }
        catch (NftException)
        {
            // Tables of another version, whose sets or hooks are of another type, can't be changed in place: these go first.
            Unload();
            LoadInParts(shape, known, wanted);
        }
    }

    private void LoadInParts(RulesetShape shape, PolicyChain[] chains, NftElement[] elements)
    {
        _nft.Run(RulesetText.Sets(_table));
        foreach (var some in chains.Chunk(ChainsAtOnce)) Add(some);
        Apply([.. IpFamilies.Both.SelectMany(family => Differences(family, elements))]);
        _nft.Run(RulesetText.Rules(shape, [.. Stale(shape, chains)]));
    }

    /// <summary>What makes the kernel's elements the wanted ones; removals last.</summary>
    private List<TableChange> Differences(IpFamily family, NftElement[] elements)
    {
        var wanted = elements.Where(e => e.Key.Set.Family == family).ToDictionary(e => e.Key, e => e.Value);
        List<TableChange> changes = [];
        List<TableChange> removals = [];
        foreach (var set in NftSchema.For(family).All)
        {
            foreach (var element in Of(family).Dump(set.Name))
            {
                var key = new ElementKey(set, element.Key.ToArray());
                if (!wanted.Remove(key, out var value)) removals.Add(new(key, null, ElementValue.Member));
                else if (element.Expires is not null || value.TimeoutMilliseconds > 0 || !element.Data.Equals(DataOf(value))) changes.Add(new(key, value, ElementValue.Member));
            }
        }

        return [.. wanted.Select(e => new TableChange(e.Key, e.Value, null)), .. changes, .. removals];
    }

    /// <summary>The chains that the kernel has in these tables and that are none of ours any more.</summary>
    private IEnumerable<(IpFamily Family, string Name)> Stale(RulesetShape shape, PolicyChain[] chains)
    {
        using var listing = JsonDocument.Parse(_nft.RunJson("list chains"));
        foreach (var family in IpFamilies.Both)
        {
            HashSet<string> ours = [.. RulesetText.RuleChains(shape, family), .. chains.Select(c => c.Name)];
            foreach (var item in listing.RootElement.GetProperty("nftables").EnumerateArray())
            {
                if (!item.TryGetProperty("chain", out var chain) || !chain.GetProperty("table").ValueEquals(_table) || !chain.GetProperty("family").ValueEquals(family.Word)) continue;
                if (chain.GetProperty("name").GetString() is { } name && !ours.Contains(name)) yield return (family, name);
            }
        }
    }

    private static ElementData DataOf(ElementValue value) =>
        value.Chain is { } chain ? ElementData.Goto(chain) : value.Bytes is { } bytes ? ElementData.Bytes(bytes) : default;

    private static ElementChange Message(TableChange change)
    {
        var (set, key) = (change.Key.Set.Name, change.Key.Bytes);
        if (change.Value is not { } value) return new(ElementAction.Remove, set, key);
        var data = DataOf(value);
        if (value.TimeoutMilliseconds > 0) return new(ElementAction.Replace, set, key, data, TimeSpan.FromMilliseconds(value.TimeoutMilliseconds));

        // A set that knows time-outs may hold the same key with one.
        var action = change.Before is null && !change.Key.Set.Timeouts ? ElementAction.Add : ElementAction.Replace;
        return new(action, set, key, data);
    }
}

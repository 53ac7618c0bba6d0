using Gatehouse.Linux;
using Gatehouse.Linux.Nftables;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Translation;

/// <summary>The way into the kernel: whole tables as text, elements as netlink messages without any program or library between.</summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class KernelTables(NetworkNamespace? ns, string table) : IDisposable
{
    private readonly NftContext _nft = NftContext.Open(ns);
    private readonly NftElements _v4 = NftElements.Open(NftFamily.Ip, table, ns);
    private readonly NftElements _v6 = NftElements.Open(NftFamily.Ip6, table, ns);

    /// <summary>Replaces both tables in one transaction.</summary>
    public void Load(RulesetShape shape, IEnumerable<PolicyChain> chains, IEnumerable<NftElement> elements) =>
        _nft.Run(RulesetText.Load(shape, chains, elements));

    /// <summary>Adds chains; those that are there get the same rules again.</summary>
    public void Add(IEnumerable<PolicyChain> chains) => _nft.Run(RulesetText.Add(table, chains));

    /// <summary>Removes both tables.</summary>
    public void Unload() => _nft.Run(RulesetText.Unload(table));

    /// <summary>Whether the kernel has both tables.</summary>
    public bool AreThere()
    {
        try
        {
            _nft.Run($"list chain ip {table} sel\nlist chain ip6 {table} sel\n");
            return true;
        }
        catch (NftException)
        {
            return false;
        }
    }

    /// <summary>Applies changes of elements, one transaction for each family.</summary>
    public void Apply(IReadOnlyCollection<TableChange> changes)
    {
        foreach (var family in IpFamilies.Both)
        {
            ElementChange[] ours = [.. changes.Where(c => c.Key.Set.Family == family).Select(Message)];
            if (ours.Length > 0) (family == IpFamily.V4 ? _v4 : _v6).Apply(ours).ThrowIfFailed();
        }
    }

    public void Dispose()
    {
        _nft.Dispose();
        _v4.Dispose();
        _v6.Dispose();
    }

    private static ElementChange Message(TableChange change)
    {
        var (set, key) = (change.Key.Set.Name, change.Key.Bytes);
        if (change.Value is not { } value) return new(ElementAction.Remove, set, key);
        var data = value.Chain is { } chain ? ElementData.Goto(chain) : value.Bytes is { } bytes ? ElementData.Bytes(bytes) : default;
        if (value.TimeoutMilliseconds > 0) return new(ElementAction.Replace, set, key, data, TimeSpan.FromMilliseconds(value.TimeoutMilliseconds));

        // A set that knows time-outs may hold the same key with one.
        var action = change.Before is null && !change.Key.Set.Timeouts ? ElementAction.Add : ElementAction.Replace;
        return new(action, set, key, data);
    }
}

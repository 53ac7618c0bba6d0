using System.Text;
using Gatehouse.Linux;
using Gatehouse.Linux.Nftables;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Translation;

/// <summary>The way into the kernel: whole tables as text, elements as netlink messages.</summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class KernelTables(NetworkNamespace? ns) : IDisposable
{
    private readonly NftContext _nft = NftContext.Open(ns);

    /// <summary>Replaces both tables in one transaction.</summary>
    public void Load(RulesetShape shape, IEnumerable<PolicyChain> chains, IEnumerable<NftElement> elements) =>
        _nft.Run(RulesetText.Load(shape, chains, elements));

    /// <summary>Adds chains; those that are there get the same rules again.</summary>
    public void Add(string table, IEnumerable<PolicyChain> chains) => _nft.Run(RulesetText.Add(table, chains));

    /// <summary>Removes both tables.</summary>
    public void Unload(string table) => _nft.Run(RulesetText.Unload(table));

    /// <summary>Applies changes of elements in one transaction.</summary>
    public void Apply(string table, IReadOnlyCollection<ElementChange> changes)
    {
        var text = new StringBuilder();
        foreach (var change in changes)
        {
            var set = change.Key.Set;
            if (change.Before is { } before) text.Append($"delete element {set.Family.Word} {table} {set.Name} {{ {new NftElement(change.Key, before).Text} }}\n");
            if (change.Value is { } value) text.Append($"add element {set.Family.Word} {table} {set.Name} {{ {new NftElement(change.Key, value).Text} }}\n");
        }

        _nft.Run(text.ToString());
    }

    public void Dispose() => _nft.Dispose();
}

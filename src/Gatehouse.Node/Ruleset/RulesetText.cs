using System.Text;

namespace Gatehouse.Node.Ruleset;

/// <summary>
/// The tables as text, whole: one transaction replaces what was there. Rules and priorities as they were run and measured; each trap is named where the rule
/// avoids it.
/// </summary>
internal static class RulesetText
{
    /// <summary>The whole script: both tables go and come in one transaction, so that no packet ever meets half of one.</summary>
    public static string Load(RulesetShape shape, IEnumerable<PolicyChain> chains, IEnumerable<NftElement> elements)
    {
        var text = new StringBuilder();
        var known = Known(chains);
        var bySet = elements.Concat(Draws(known)).ToLookup(e => e.Key.Set);
        foreach (var family in IpFamilies.Both)
        {
            AppendReset(text, family, shape.Table);
            text.Append("table ").Append(family.Word).Append(' ').Append(shape.Table).Append(" {\n");
            foreach (var set in NftSchema.For(family).All) AppendSet(text, set, bySet[set]);
            foreach (var chain in known) AppendChain(text, chain.Name, chain.Rules(family));
            text.Append(BaseChains(shape, family)).Append("}\n");
        }

        return text.ToString();
    }

    /// <summary>The first part of a load in parts: both tables with their sets, which stay as they are where they are there.</summary>
    public static string Sets(string table)
    {
        var text = new StringBuilder();
        foreach (var family in IpFamilies.Both)
        {
            text.Append("table ").Append(family.Word).Append(' ').Append(table).Append(" {\n");
            foreach (var set in NftSchema.For(family).All) AppendSet(text, set, []);
            text.Append("}\n");
        }

        return text.ToString();
    }

    /// <summary>
    /// The last part of a load in parts: the base chains and what they jump to, with new rules in the place of those that were there. One transaction: until it, the
    /// old rules serve, or none.
    /// </summary>
    /// <param name="stale">Chains of the tables that nothing leads to any more; they go.</param>
    public static string Rules(RulesetShape shape, IReadOnlyCollection<(IpFamily Family, string Name)> stale)
    {
        var text = new StringBuilder();
        foreach (var family in IpFamilies.Both)
        {
            var target = $"{family.Word} {shape.Table}";
            var chains = BaseChainTable.Read(BaseChains(shape, family));
            foreach (var chain in chains) text.Append($"add chain {target} {chain.Name}{(chain.Hook is { } hook ? $" {{ {hook} ; }}" : "")}\n");
            foreach (var chain in chains) text.Append($"flush chain {target} {chain.Name}\n");
            foreach (var (_, name) in stale.Where(s => s.Family == family)) text.Append($"flush chain {target} {name}\n");
            foreach (var (_, name) in stale.Where(s => s.Family == family)) text.Append($"delete chain {target} {name}\n");
            foreach (var chain in chains)
            {
                foreach (var rule in chain.Rules) text.Append($"add rule {target} {chain.Name} {rule}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>The names of the chains of <see cref="Rules"/>.</summary>
    public static IEnumerable<string> RuleChains(RulesetShape shape, IpFamily family) => BaseChainTable.Read(BaseChains(shape, family)).Select(c => c.Name);

    /// <summary>All chains that draw a slot, in the order of their names.</summary>
    public static PolicyChain[] Known(IEnumerable<PolicyChain> chains) =>
        [.. chains.Concat(PolicyChain.Ready).Distinct().OrderBy(c => c.Name, StringComparer.Ordinal)];

    /// <summary>Removes both tables and all that is in them; no error when they are not there.</summary>
    public static string Unload(string table)
    {
        var text = new StringBuilder();
        foreach (var family in IpFamilies.Both) AppendReset(text, family, table);
        return text.ToString();
    }

    /// <summary>Adds chains to tables that are loaded.</summary>
    public static string Add(string table, IEnumerable<PolicyChain> chains)
    {
        var text = new StringBuilder();
        foreach (var chain in chains)
        {
            foreach (var family in IpFamilies.Both)
            {
                text.Append($"add chain {family.Word} {table} {chain.Name}\nflush chain {family.Word} {table} {chain.Name}\n");
                foreach (var rule in chain.Rules(family)) text.Append($"add rule {family.Word} {table} {chain.Name} {rule}\n");
                text.Append($"add element {family.Word} {table} {NftSchema.For(family).Draws.Name} {{ {Draw(family, chain).Text} }}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>What leads to chains, in both tables.</summary>
    public static IEnumerable<NftElement> Draws(IEnumerable<PolicyChain> chains) => chains.SelectMany(c => IpFamilies.Both.Select(f => Draw(f, c)));

    private static NftElement Draw(IpFamily family, PolicyChain chain) => NftElement.GoTo(NftSchema.For(family).Draws, chain.Name, chain.Code);

    private static void AppendReset(StringBuilder text, IpFamily family, string table) =>
        text.Append($"table {family.Word} {table}\ndelete table {family.Word} {table}\n");

    private static void AppendSet(StringBuilder text, NftSet set, IEnumerable<NftElement> elements)
    {
        text.Append(set.DataKind == NftData.None ? "  set " : "  map ").Append(set.Name).Append(" {\n    ").Append(set.Declaration).Append('\n');
        if (set.Timeouts) text.Append("    flags timeout\n");
        var first = true;
        foreach (var element in elements)
        {
            text.Append(first ? "    elements = {\n      " : ",\n      ").Append(element.Text);
            first = false;
        }

        text.Append(first ? "  }\n" : "\n    }\n  }\n");
    }

    private static void AppendChain(StringBuilder text, string name, IEnumerable<string> rules)
    {
        text.Append("  chain ").Append(name).Append(" {\n");
        foreach (var rule in rules) text.Append("    ").Append(rule).Append('\n');
        text.Append("  }\n");
    }

    private static string BaseChains(RulesetShape shape, IpFamily family)
    {
        var v4 = family == IpFamily.V4;
        var words = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["IP"] = family.Word,
            ["SERVICES"] = v4 ? "10.30.0.0/16" : "fdff::/16",
            ["INNER"] = v4 ? "10.16.0.0/12" : "{ fc00::/64, fdff::/16 }",
            ["SUBNET"] = $"{(v4 ? shape.Subnetwork4 : shape.Subnetwork6)}",
            ["BRIDGE"] = $"{(v4 ? shape.Bridge4 : shape.Bridge6)}",
            ["OWN"] = $"\"{shape.Devices.Prefix}*\"",
            ["INSTANCES"] = $"\"{shape.Devices.Instance}*\"",
            ["VXLAN"] = $"\"{shape.Devices.Vxlan}\"",
            ["TUN"] = $"\"{shape.Devices.Tun}\"",
            ["UNDERLAY"] = $"{shape.Underlay}",
            ["TUNNELPORT"] = $"{shape.TunnelPort}",
            ["REFUSAL"] = v4 ? "icmp type host-unreachable" : "icmpv6 type addr-unreachable",
            ["REDIRECT"] = v4 ? "icmp type redirect" : "icmpv6 type nd-redirect",
            ["ECHO"] = v4 ? "icmp type echo-request" : "icmpv6 type echo-request",
            ["EXPOSEDMARK"] = $"0x{ConntrackMarks.Exposed:x8}",
            ["GATEWAYMARK"] = $"0x{ConntrackMarks.Gateway:x8}",
            ["KINDMASK"] = $"0x{ConntrackMarks.KindMask:x8}",
            ["MANAGEMENT"] = shape.ManagementPort is { } port ? $"iifname \"{shape.Devices.Vxlan}\" {family.Word} daddr {(v4 ? shape.Bridge4 : shape.Bridge6)} tcp dport {port} accept" : "",
        };
        var tunnel = IpFamilies.Of(shape.Underlay) == family ? RulesetTemplates.Tunnel : RulesetTemplates.NoTunnel;
        return Fill(tunnel + RulesetTemplates.Chains, words);
    }

    private static string Fill(string template, Dictionary<string, string> words)
    {
        var text = new StringBuilder(template.Length * 2);
        foreach (var line in template.Split('\n'))
        {
            var filled = line;
            foreach (var (word, value) in words) filled = filled.Replace($"<{word}>", value, StringComparison.Ordinal);
            if (filled.Trim().Length > 0 && !filled.TrimStart().StartsWith('#')) text.Append(filled).Append('\n');
        }

        return text.ToString();
    }
}

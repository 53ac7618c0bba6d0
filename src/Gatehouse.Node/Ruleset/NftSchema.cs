namespace Gatehouse.Node.Ruleset;

/// <summary>One part of a set's key or of a map's value. Each takes whole 32-bit registers in the kernel, so short ones are padded at the end.</summary>
internal enum NftField
{
    Ipv4,
    Ipv6,

    /// <summary>A protocol number, one byte.</summary>
    Protocol,

    /// <summary>A port, big endian.</summary>
    Port,

    /// <summary>A slot: 32 bits in the machine's order, as <c>numgen</c> and <c>jhash</c> leave it.</summary>
    Slot,

    /// <summary>A mark: 32 bits in the machine's order.</summary>
    Mark,

    /// <summary>A MAC address, six bytes.</summary>
    Mac,

    /// <summary>An interface's name, sixteen bytes.</summary>
    InterfaceName,

    /// <summary>Four bytes out of the packet, big endian.</summary>
    Raw32,

    /// <summary>Sixteen bytes out of the packet.</summary>
    Raw128,
}

/// <summary>What a map leads to.</summary>
internal enum NftData
{
    /// <summary>A set has no data.</summary>
    None,
    Value,
    Verdict,
}

/// <summary>A set or map of the node's tables.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Declaration">The type as text: <c>type …</c> or <c>typeof …</c>; a key that holds an expression exists with <c>typeof</c> alone.</param>
/// <param name="Key">The parts of the key.</param>
/// <param name="DataKind">Set, map or verdict map.</param>
/// <param name="Data">The parts of the value.</param>
/// <param name="Timeouts">Whether elements may end by themselves.</param>
internal sealed record NftSet(IpFamily Family, string Name, string Declaration, NftField[] Key, NftData DataKind = NftData.None, NftField[]? Data = null, bool Timeouts = false)
{
    public override string ToString() => $"{Family.Word} {Name}";
}

/// <summary>All sets of one family's table.</summary>
internal sealed class NftSchema
{
    private static readonly NftSchema V4 = new(IpFamily.V4);
    private static readonly NftSchema V6 = new(IpFamily.V6);

    private NftSchema(IpFamily family)
    {
        var ip = family.Word;
        var type = family.AddressType;
        NftField[] address = [family == IpFamily.V4 ? NftField.Ipv4 : NftField.Ipv6];
        NftField[] endpoint = [.. address, NftField.Protocol, NftField.Port];
        Slots = new(family, "slots", $"typeof {ip} daddr . numgen inc mod 2 : {ip} daddr", [.. address, NftField.Slot], NftData.Value, address);
        Services = new(family, "svc", $"type {type} : mark", address, NftData.Value, [NftField.Mark]);
        One = new(family, "one", $"type {type} : {type}", address, NftData.Value, address);
        Instances = new(family, "inst", $"type {type} : {type}", address, NftData.Value, address);
        Marks = new(family, "imark", $"type {type} : mark", address, NftData.Value, [NftField.Mark]);
        Refused = new(family, "refused", $"type {type}", address, Timeouts: true);
        Known = new(family, "known", $"type {type}", address, Timeouts: true);
        Exposed = new(family, "expose", $"type {type} . inet_proto . inet_service : mark", endpoint, NftData.Value, [NftField.Mark]);
        Draws = new(family, "draws", "type mark : verdict", [NftField.Mark], NftData.Verdict);

        // The value's port is said as "tcp dport", whatever the protocol: "th dport", read back from the kernel, is at odds with a rule's own match of the protocol
        // (nft 1.0.6: "conflicting protocols specified"), so that no chain could be added to a table that is loaded.
        ExposedSlots = new(
            family, "eslots", $"typeof {ip} daddr . meta l4proto . th dport . numgen inc mod 2 : {ip} daddr . tcp dport",
            [.. endpoint, NftField.Slot], NftData.Value, [.. address, NftField.Port]);
        Sources = new(family, "sources", $"type ifname . {type}", [NftField.InterfaceName, .. address]);
        Underlays = new(family, "vteps", $"type {type}", address);
        Gateways = new(family, "gws", $"type {type}", address);
        PeerSubnetworks4 = new(family, "peersub", $"typeof {ip} saddr . @th,336,32", [.. address, NftField.Raw32]);
        PeerSources4 = new(family, "peersrc", $"typeof {ip} saddr . @th,336,32", [.. address, NftField.Raw32]);
        PeerSubnetworks6 = new(family, "peersub6", $"typeof {ip} saddr . @th,304,128", [.. address, NftField.Raw128]);
        PeerSources6 = new(family, "peersrc6", $"typeof {ip} saddr . @th,304,128", [.. address, NftField.Raw128]);
        GatewayMarks = new(family, "gwmark", "type ether_addr : mark", [NftField.Mac], NftData.Value, [NftField.Mark]);
        All =
        [
            Draws, Slots, Services, One, Instances, Marks, Refused, Known, Exposed, ExposedSlots, Sources, Underlays, Gateways,
            PeerSubnetworks4, PeerSources4, PeerSubnetworks6, PeerSources6, GatewayMarks,
        ];
    }

    /// <summary>(service address . slot) -> namespace address: one map for all services and policies.</summary>
    public NftSet Slots { get; }

    /// <summary>
    /// The code of a chain -> the chain. The only map of verdicts: with each new element of such a map the kernel walks through all of it, once for each base chain that
    /// leads there, so those that grow with the services hold codes (Linux 6.18, nft_table_validate: a third of a first packet's cost with 2,500 services).
    /// </summary>
    public NftSet Draws { get; }

    /// <summary>Service address -> the code of the chain that draws a slot.</summary>
    public NftSet Services { get; }

    /// <summary>Instance address -> namespace address.</summary>
    public NftSet One { get; }

    /// <summary>Namespace address of an instance of this worker -> its instance address: the way back.</summary>
    public NftSet Instances { get; }

    /// <summary>Namespace address -> the mark of the flows that were translated to it.</summary>
    public NftSet Marks { get; }

    /// <summary>Addresses with nobody behind them: refused in the kernel, for a while (unknown) or until somebody comes (no instance).</summary>
    public NftSet Refused { get; }

    /// <summary>Every service and instance address that is translated or refused: a map can't be asked for a key alone, and before connection tracking nothing else may.</summary>
    public NftSet Known { get; }

    /// <summary>(host address . protocol . port) -> the chain that draws a slot.</summary>
    public NftSet Exposed { get; }

    /// <summary>(host address . protocol . port . slot) -> namespace address and port.</summary>
    public NftSet ExposedSlots { get; }

    /// <summary>(interface . address) that instances of this worker may send from.</summary>
    public NftSet Sources { get; }

    /// <summary>Underlay addresses of the peers, in this family.</summary>
    public NftSet Underlays { get; }

    /// <summary>Those of them that forward clients with their own addresses.</summary>
    public NftSet Gateways { get; }

    /// <summary>(underlay . subnetwork) that may come out of the tunnel, IPv4 inside.</summary>
    public NftSet PeerSubnetworks4 { get; }

    /// <summary>(underlay . instance address), IPv4 inside.</summary>
    public NftSet PeerSources4 { get; }

    /// <summary>As <see cref="PeerSubnetworks4"/>, IPv6 inside.</summary>
    public NftSet PeerSubnetworks6 { get; }

    /// <summary>As <see cref="PeerSources4"/>, IPv6 inside.</summary>
    public NftSet PeerSources6 { get; }

    /// <summary>A gateway's tunnel MAC -> the mark of the flows whose replies go back through it.</summary>
    public NftSet GatewayMarks { get; }

    public IReadOnlyList<NftSet> All { get; }

    public static NftSchema For(IpFamily family) => family == IpFamily.V4 ? V4 : V6;
}

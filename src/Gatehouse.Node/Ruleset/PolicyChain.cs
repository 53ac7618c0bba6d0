using System.Net;
using System.Runtime.InteropServices;
using Gatehouse.Addressing.Balancing;

namespace Gatehouse.Node.Ruleset;

/// <summary>What the packets of a chain were addressed to.</summary>
internal enum ChainUse
{
    /// <summary>A service address.</summary>
    Service,

    /// <summary>An exposed address; the service will see the gateway's internal address.</summary>
    Exposed,

    /// <summary>An exposed address or a mapped port; the service will see the client's own address.</summary>
    Kept,
}

/// <summary>
/// A chain that draws a slot and translates. <c>numgen</c> and <c>jhash</c> take their modulus as a constant, so there is one for each (use, draw, number of slots),
/// shared by all services that agree in them.
/// </summary>
/// <param name="Shard">
/// The counter of <c>numgen inc</c> belongs to the rule: two services that share one and are called in turn fall in step and always reach the same instance each.
/// Sixteen chains, chosen by the address, make that unlikely.
/// </param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PolicyChain(ChainUse Use, SlotDraw Draw, int Slots, int Shard)
{
    public const int Shards = 16;

    /// <summary>Those that exist from the start, so that no rule is added for the usual number of instances.</summary>
    private const int ReadySlots = 8;

    /// <summary>Seed of the client hash: the same on every worker, so that a client that moves keeps its instance.</summary>
    public const uint HashSeed = 0x5eed;

    /// <summary>The chain of an address.</summary>
    public static PolicyChain For(ChainUse use, SlotAssignment slots, IPAddress address) =>
        new(use, slots.Draw, slots.Slots.Length, slots.Draw == SlotDraw.Next && slots.Slots.Length > 1 ? ShardOf(address) : 0);

    /// <summary>The chains that every table starts with.</summary>
    public static IEnumerable<PolicyChain> Ready { get; } =
    [
        .. from use in Enum.GetValues<ChainUse>()
        from slots in Enumerable.Range(1, ReadySlots)
        from shard in Enumerable.Range(0, slots == 1 ? 1 : Shards)
        select new PolicyChain(use, SlotDraw.Next, slots, shard),
    ];

    /// <summary>The number that leads to it, as a mark: use, draw, slots (up to 1,024) and shard.</summary>
    public uint Code => ConntrackMarks.Chain | ((uint)Use << 18) | ((uint)Draw << 16) | ((uint)Slots << 4) | (uint)Shard;

    /// <summary>The chain that a code leads to.</summary>
    public static PolicyChain Of(uint code) => new((ChainUse)(code >> 18 & 3), (SlotDraw)(code >> 16 & 3), (int)(code >> 4 & 0xfff), (int)(code & 0xf));

    public string Name => Draw switch
    {
        SlotDraw.Next => Slots == 1 ? $"{Prefix}rr1" : $"{Prefix}rr{Slots}_{Shard}",
        SlotDraw.Random => $"{Prefix}w{Slots}",
        _ => $"{Prefix}st{Slots}",
    };

    /// <summary>Its rules.</summary>
    public IEnumerable<string> Rules(IpFamily family)
    {
        var draw = Draw switch
        {
            SlotDraw.Next => $"numgen inc mod {Slots}",
            SlotDraw.Random => $"numgen random mod {Slots}",
            _ => $"jhash {family.Word} saddr mod {Slots} seed 0x{HashSeed:x}",
        };
        if (Use == ChainUse.Service) return [$"dnat to {family.Word} daddr . {draw} map @slots"];
        // A rule for each protocol: see the map's declaration.
        var translate = $"dnat to {family.Word} daddr . meta l4proto . th dport . {draw} map @eslots";
        string[] both = [$"meta l4proto tcp {translate}", $"meta l4proto udp {translate}"];
        return Use == ChainUse.Kept ? both : [$"ct mark set 0x{ConntrackMarks.Exposed:x8}", .. both];
    }

    private string Prefix => Use switch { ChainUse.Service => "", ChainUse.Exposed => "e_", _ => "k_" };

    private static int ShardOf(IPAddress address)
    {
        var hash = 17u;
        foreach (var b in address.GetAddressBytes()) hash = (hash * 31) + b;
        return (int)((hash ^ (hash >> 8)) % Shards);
    }
}

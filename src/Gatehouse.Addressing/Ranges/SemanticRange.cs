using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Addressing;

/// <summary>What an address of 10.30.0.0/16 or fdff::/16 stands for.</summary>
public enum AddressUse
{
    /// <summary>One instance, for life.</summary>
    Instance,
    Closest,
    RoundRobin,
    LeastLoaded,
    Weighted,
    Sticky,
}

/// <summary>
/// A run of addresses that are handed out by number: offset 0 is the first address. An IPv6 range is the policy's /21 and the next /21, which follows it without a
/// hole (fdff:2000::/21, then fdff:2800::/21), as Oakestra divides fdff::/16.
/// </summary>
public sealed class SemanticRange
{
    /// <summary>IPv4 service and instance addresses, all uses together.</summary>
    public static IPNetwork Services4 { get; } = IPNetwork.Parse("10.30.0.0/16");

    /// <summary>IPv6 service and instance addresses, all uses together.</summary>
    public static IPNetwork Services6 { get; } = IPNetwork.Parse("fdff::/16");

    /// <summary>Both for people.</summary>
    public static string ServedText { get; } = $"{Services4} and {Services6}";

    private const int Ipv6HostBits = 107;
    private readonly UInt128 _first;

    /// <summary>Whether an address can be one of a service or an instance.</summary>
    public static bool IsServed(IPAddress address) => !address.IsIPv4MappedToIPv6 && (Services4.Contains(address) || Services6.Contains(address));

    private SemanticRange(string name, UInt128 first, UInt128 count, AddressFamily family) =>
        (Name, _first, Count, Family) = (name, first, count, family);

    /// <summary>For messages and object names, for example <c>ipv4</c> or <c>roundRobin-ipv6</c>.</summary>
    public string Name { get; }

    /// <summary>IPv4 or IPv6.</summary>
    public AddressFamily Family { get; }

    /// <summary>How many addresses: 65,536 or 2^108, reserved ones included.</summary>
    public UInt128 Count { get; }

    /// <summary>The IPv4 range: 10.30.0.0/16, shared by all uses.</summary>
    public static SemanticRange ForIpv4 { get; } = new("ipv4", 10u << 24 | 30u << 16, 65_536, AddressFamily.InterNetwork);

    /// <summary>The IPv6 range of a use.</summary>
    public static SemanticRange ForIpv6(AddressUse use) => Ipv6Ranges[(int)use];

    private static readonly SemanticRange[] Ipv6Ranges = [.. Enum.GetValues<AddressUse>().Select(MakeIpv6)];

    /// <summary>The name of a use in objects: <c>instance</c>, <c>roundRobin</c> and so on.</summary>
    public static string NameOf(AddressUse use) => use switch
    {
        AddressUse.Instance => "instance",
        AddressUse.Closest => "closest",
        AddressUse.RoundRobin => "roundRobin",
        AddressUse.LeastLoaded => "leastLoaded",
        AddressUse.Weighted => "weighted",
        AddressUse.Sticky => "sticky",
        _ => throw new ArgumentOutOfRangeException(nameof(use), use, "no such use"),
    };

    /// <summary>The use that an IPv6 address of fdff::/16 stands for; null when it lies in no range.</summary>
    public static AddressUse? UseOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return null;
        foreach (var use in Enum.GetValues<AddressUse>())
        {
            if (ForIpv6(use).OffsetOf(address) is not null) return use;
        }

        return null;
    }

    /// <summary>The address at an offset.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The offset is not below <see cref="Count"/>.</exception>
    public IPAddress At(UInt128 offset)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(offset, Count);
        return Family == AddressFamily.InterNetwork ? Addresses.Ipv4((uint)(_first + offset)) : Addresses.Ipv6(_first + offset);
    }

    /// <summary>The offset of an address; null when it lies outside.</summary>
    public UInt128? OffsetOf(IPAddress address)
    {
        if (address.AddressFamily != Family) return null;
        var number = Addresses.ToNumber(address);
        return number >= _first && number - _first < Count ? number - _first : null;
    }

    /// <summary>The range for people, for example <c>10.30.0.0/16</c> or <c>fdff:2000::/21, fdff:2800::/21</c>.</summary>
    public override string ToString() => Family == AddressFamily.InterNetwork
        ? Services4.ToString()
        : $"{At(0)}/21, {At(Count / 2)}/21";

    private static SemanticRange MakeIpv6(AddressUse use)
    {
        // fdff:n000::/21 and fdff:n800::/21: n is 0 for instances, then 1 for closest and so on in the order of the enum.
        var first = new UInt128(0xfdff_0000_0000_0000 | (ulong)use << 44, 0);
        return new SemanticRange($"{NameOf(use)}-ipv6", first, UInt128.One << (Ipv6HostBits + 1), AddressFamily.InterNetworkV6);
    }
}

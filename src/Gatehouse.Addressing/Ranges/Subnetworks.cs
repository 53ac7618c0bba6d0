using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Addressing;

/// <summary>
/// The 15,360 subnetworks of the platform, numbered in the order in which they are leased: a /26 out of 10.16.0.0/12 and a /120 out of fc00::/7 each.
/// </summary>
/// <remarks>
/// Index 0 is 10.18.0.0, where Oakestra starts; the order is 10.18-10.29, 10.31, 10.16-10.17. 10.30.0.0/16 belongs to service and instance addresses.
/// IPv6 is fc00:: plus index times 256, without holes.
/// </remarks>
public static class Subnetworks
{
    /// <summary>How many there are.</summary>
    public const int Count = 15_360;

    /// <summary>Instances that fit in one: IPv4 .2 to .62.</summary>
    public const int InstancesPerSubnetwork = 61;

    /// <summary>Bits of the IPv4 prefix.</summary>
    public const int PrefixLength4 = 26;

    /// <summary>Bits of the IPv6 prefix.</summary>
    public const int PrefixLength6 = 120;

    private const int PerSecondByte = 1_024;
    private const int FirstRun = 12 * PerSecondByte;
    private const uint Ten = 10u << 24;
    private static readonly UInt128 First6 = new(0xfc00_0000_0000_0000, 0);

    /// <summary>Everything that the platform may use for IPv4: 10.16.0.0/12.</summary>
    public static IPNetwork Platform4 { get; } = IPNetwork.Parse("10.16.0.0/12");

    /// <summary>All IPv6 subnetworks lie in here: fc00::/106.</summary>
    public static IPNetwork Platform6 { get; } = IPNetwork.Parse("fc00::/106");

    /// <summary>The /26 of an index.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is not 0 to 15,359.</exception>
    public static IPNetwork Ipv4(int index) => new(Addresses.Ipv4(Base4(index)), PrefixLength4);

    /// <summary>The /120 of an index.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is not 0 to 15,359.</exception>
    public static IPNetwork Ipv6(int index) => new(Addresses.Ipv6(Base6(index)), PrefixLength6);

    /// <summary>The bridge's IPv4 address, which is also the gateway's internal address: the first one.</summary>
    public static IPAddress Bridge4(int index) => Addresses.Ipv4(Base4(index) + 1);

    /// <summary>The bridge's IPv6 address.</summary>
    public static IPAddress Bridge6(int index) => Addresses.Ipv6(Base6(index) + 1);

    /// <summary>The IPv4 namespace address of a slot.</summary>
    /// <param name="slot">0 to 60: .2 to .62.</param>
    public static IPAddress Namespace4(int index, int slot) => Addresses.Ipv4(Base4(index) + 2 + (uint)CheckedSlot(slot));

    /// <summary>The IPv6 namespace address of a slot; the last byte is that of the IPv4 one.</summary>
    /// <param name="slot">0 to 60.</param>
    public static IPAddress Namespace6(int index, int slot) => Addresses.Ipv6(Base6(index) + 2 + (uint)CheckedSlot(slot));

    /// <summary>The hardware address of a worker's tunnel end: 02:67:68 and the index in three bytes.</summary>
    public static string TunnelMac(int index)
    {
        Checked(index);
        return $"02:67:68:{index >> 16:x2}:{(index >> 8) & 0xff:x2}:{index & 0xff:x2}";
    }

    /// <summary>The index of the subnetwork that holds an address; null when none does.</summary>
    public static int? IndexOf(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork ? IndexOf4((uint)Addresses.ToNumber(address)) : IndexOf6(Addresses.ToNumber(address));

    private static int? IndexOf4(uint number)
    {
        if (number >> 20 != (Ten >> 20 | 1)) return null;
        var second = (int)(number >> 16) & 0xff;
        var inSecond = (int)(number & 0xffff) >> 6;
        return second switch
        {
            >= 18 and <= 29 => (second - 18) * PerSecondByte + inSecond,
            31 => FirstRun + inSecond,
            16 or 17 => FirstRun + (second - 15) * PerSecondByte + inSecond,
            _ => null,
        };
    }

    private static int? IndexOf6(UInt128 number) =>
        number >= First6 && (number - First6) >> 8 is var index && index < Count ? (int)index : null;

    private static uint Base4(int index)
    {
        var second = Checked(index) switch
        {
            < FirstRun => 18 + index / PerSecondByte,
            < FirstRun + PerSecondByte => 31,
            _ => 15 + (index - FirstRun) / PerSecondByte,
        };
        return Ten | (uint)second << 16 | (uint)(index % PerSecondByte) << 6;
    }

    private static UInt128 Base6(int index) => First6 + ((UInt128)(uint)Checked(index) << 8);

    private static int Checked(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index;
    }

    private static int CheckedSlot(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, InstancesPerSubnetwork);
        return slot;
    }
}

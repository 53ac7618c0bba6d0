namespace Gatehouse.Wire;

/// <summary>Numbers of IPv4's protocol and IPv6's next-header fields (IANA protocol numbers).</summary>
public static class IpProtocol
{
    public const byte HopByHop = 0;
    public const byte Icmp = 1;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Routing = 43;
    public const byte Fragment = 44;
    public const byte Authentication = 51;
    public const byte Icmp6 = 58;
    public const byte NoNext = 59;
    public const byte DestinationOptions = 60;
    public const byte Mobility = 135;

    /// <summary>ICMP or ICMPv6.</summary>
    public static bool IsIcmp(byte protocol) => protocol is Icmp or Icmp6;
}

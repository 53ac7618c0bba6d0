using System.Buffers;
using System.Net;

namespace Gatehouse.Wire.Tls;

/// <summary>What a client put where a host name belongs.</summary>
internal enum ServerNameKind
{
    Invalid,

    /// <summary>A name of the DNS (RFC 6066 §3).</summary>
    Host,

    /// <summary>An address: not allowed, but sent by some clients that mean no name at all.</summary>
    Address,
}

/// <summary>Host names of the server name extension.</summary>
internal static class ServerNames
{
    private const int LongestName = 253;
    private const int LongestLabel = 63;

    /// <summary>Letters, digits, hyphens (RFC 1123 §2.1), and the underscore, which the DNS has too.</summary>
    private static readonly SearchValues<byte> LabelBytes = SearchValues.Create("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> Ipv6Bytes = SearchValues.Create(".0123456789:ABCDEFabcdef"u8);

    /// <summary>Whether this is a host name, an address, or neither.</summary>
    public static ServerNameKind KindOf(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > LongestName)
        {
            return ServerNameKind.Invalid;
        }

        if (name.Contains((byte)':'))
        {
            return name.ContainsAnyExcept(Ipv6Bytes) || !IPAddress.IsValidUtf8(name) ? ServerNameKind.Invalid : ServerNameKind.Address;
        }

        var labels = 0;
        var numbers = 0;
        while (true)
        {
            var dot = name.IndexOf((byte)'.');
            var label = dot < 0 ? name : name[..dot];
            if (label.Length is 0 or > LongestLabel || label.ContainsAnyExcept(LabelBytes))
            {
                return ServerNameKind.Invalid;
            }

            labels++;
            numbers += label.ContainsAnyExceptInRange((byte)'0', (byte)'9') ? 0 : 1;
            if (dot < 0)
            {
                return labels == 4 && numbers == 4 ? ServerNameKind.Address : ServerNameKind.Host;
            }

            name = name[(dot + 1)..];
        }
    }

    /// <summary>Names of the DNS do not differ by case (RFC 4343), and a lookup is cheaper when they don't at all.</summary>
    public static void ToLower(Span<byte> name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            name[i] = name[i] is >= (byte)'A' and <= (byte)'Z' and var upper ? (byte)(upper | 0x20) : name[i];
        }
    }
}

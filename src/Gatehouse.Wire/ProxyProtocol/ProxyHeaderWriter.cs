using System.Buffers.Binary;
using System.Buffers.Text;

namespace Gatehouse.Wire.ProxyProtocol;

/// <summary>What a header of version 2 says beside addresses (proxy-protocol.txt §2.2). Empty values are left out.</summary>
public readonly ref struct ProxyTlvs
{
    /// <summary>The protocol that ALPN chose, such as <c>h2</c>.</summary>
    public ReadOnlySpan<byte> Alpn { get; init; }

    /// <summary>The name that the client asked for (SNI).</summary>
    public ReadOnlySpan<byte> Authority { get; init; }

    /// <summary>Whether to add a CRC32C of the header.</summary>
    public bool Checksum { get; init; }

    internal int Length => LengthOf(Alpn) + LengthOf(Authority) + (Checksum ? ProxyHeaderReader.TlvHeader + 4 : 0);

    private static int LengthOf(ReadOnlySpan<byte> value) => value.IsEmpty ? 0 : ProxyHeaderReader.TlvHeader + value.Length;
}

/// <summary>
/// Writes the header that goes before the first byte of a connection to an upstream. IPv4 addresses that are mapped into IPv6 are
/// written as IPv4; if only one of the two is IPv4, both are written as IPv6.
/// </summary>
public static class ProxyHeaderWriter
{
    /// <summary>The longest header of version 1.</summary>
    public const int MaxLine = ProxyLine.MaxLength;

    private const byte TlvAlpn = 0x01;
    private const byte TlvAuthority = 0x02;

    /// <summary>
    /// Writes version 1. LOCAL, datagrams and headers without addresses become UNKNOWN. Its length; 0 if there is no room:
    /// <see cref="MaxLine"/> bytes are always enough.
    /// </summary>
    public static int WriteLine(Span<byte> destination, in ProxyHeader header)
    {
        if (header.Command == ProxyCommand.Local || header.IsDatagram || !TryAlign(header, out var source, out var target))
        {
            return "PROXY UNKNOWN\r\n"u8.TryCopyTo(destination) ? "PROXY UNKNOWN\r\n"u8.Length : 0;
        }

        var prefix = source.IsV6 ? "PROXY TCP6 "u8 : "PROXY TCP4 "u8;
        if (!prefix.TryCopyTo(destination))
        {
            return 0;
        }

        var at = prefix.Length;
        return Append(destination, ref at, source.FormatAddress(destination[at..])) && Append(destination, ref at, " "u8)
            && Append(destination, ref at, target.FormatAddress(destination[at..])) && Append(destination, ref at, " "u8)
            && Append(destination, ref at, source.Port) && Append(destination, ref at, " "u8)
            && Append(destination, ref at, target.Port) && Append(destination, ref at, "\r\n"u8)
            ? at
            : 0;
    }

    /// <summary>Bytes that <see cref="WriteBinary"/> needs.</summary>
    public static int BinaryLength(in ProxyHeader header, in ProxyTlvs tlvs)
        => ProxyHeaderReader.FixedLength + AddressLength(header) + (header.Command == ProxyCommand.Local ? 0 : tlvs.Length);

    /// <summary>
    /// Writes version 2. LOCAL has neither addresses nor TLVs. Its length; 0 if there is no room, or if the TLVs make it longer than the
    /// protocol's 65,551 bytes.
    /// </summary>
    public static int WriteBinary(Span<byte> destination, in ProxyHeader header, in ProxyTlvs tlvs)
    {
        var length = BinaryLength(header, tlvs);
        if (length > destination.Length || length - ProxyHeaderReader.FixedLength > ushort.MaxValue)
        {
            return 0;
        }

        var bytes = destination[..length];
        ProxyHeaderReader.Signature.CopyTo(bytes);
        bytes[12] = (byte)(0x20 | (byte)header.Command);
        bytes[13] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[14..], (ushort)(length - ProxyHeaderReader.FixedLength));
        if (header.Command == ProxyCommand.Local)
        {
            return length;
        }

        var at = ProxyHeaderReader.FixedLength;
        if (TryAlign(header, out var source, out var target))
        {
            bytes[13] = (byte)((source.IsV6 ? 0x20 : 0x10) | (header.IsDatagram ? 2 : 1));
            at += WriteAddresses(bytes[at..], source, target);
        }

        WriteTlvs(bytes, at, tlvs);
        return length;
    }

    private static int AddressLength(in ProxyHeader header)
        => header.Command == ProxyCommand.Local || !TryAlign(header, out var source, out _) ? 0 : source.IsV6 ? 36 : 12;

    private static int WriteAddresses(Span<byte> bytes, in WireEndPoint source, in WireEndPoint target)
    {
        var size = source.Address.Length;
        source.Address.CopyTo(bytes);
        target.Address.CopyTo(bytes[size..]);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(2 * size)..], source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[((2 * size) + 2)..], target.Port);
        return (2 * size) + 4;
    }

    private static void WriteTlvs(Span<byte> bytes, int at, in ProxyTlvs tlvs)
    {
        at += WriteTlv(bytes[at..], TlvAlpn, tlvs.Alpn);
        at += WriteTlv(bytes[at..], TlvAuthority, tlvs.Authority);
        if (tlvs.Checksum)
        {
            at += WriteTlv(bytes[at..], ProxyHeaderReader.TlvChecksum, [0, 0, 0, 0]);
            BinaryPrimitives.WriteUInt32BigEndian(bytes[(at - 4)..], ProxyHeaderReader.Crc32C(bytes, at - 4));
        }
    }

    private static int WriteTlv(Span<byte> bytes, byte type, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            return 0;
        }

        bytes[0] = type;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[1..], (ushort)value.Length);
        value.CopyTo(bytes[ProxyHeaderReader.TlvHeader..]);
        return ProxyHeaderReader.TlvHeader + value.Length;
    }

    /// <summary>Both addresses in one family. False: there is not both of them.</summary>
    private static bool TryAlign(in ProxyHeader header, out WireEndPoint source, out WireEndPoint destination)
    {
        source = header.Source.Unmap();
        destination = header.Destination.Unmap();
        if (source.IsV6 != destination.IsV6)
        {
            source = source.MapToV6();
            destination = destination.MapToV6();
        }

        return source.IsSet && destination.IsSet;
    }

    private static bool Append(Span<byte> bytes, ref int at, int written)
    {
        at += written;
        return written > 0 && at <= bytes.Length;
    }

    private static bool Append(Span<byte> bytes, ref int at, ReadOnlySpan<byte> text)
    {
        if (!text.TryCopyTo(bytes[at..]))
        {
            return false;
        }

        at += text.Length;
        return true;
    }

    private static bool Append(Span<byte> bytes, ref int at, ushort number)
        => Utf8Formatter.TryFormat(number, bytes[at..], out var written) && Append(bytes, ref at, written);
}

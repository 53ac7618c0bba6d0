using System.Buffers.Binary;
using System.Numerics;

namespace Gatehouse.Wire.ProxyProtocol;

/// <summary>
/// Reads the header that a proxy sends before a connection's first byte, version 1 or 2. It keeps no state: it is given the connection's
/// bytes from the first on, as many as there are, and fails at the first byte with which no header can begin.
/// </summary>
public static class ProxyHeaderReader
{
    /// <summary>What a header of version 2 may have, if nothing else is asked for: its fixed part and 520 bytes of addresses and TLVs.</summary>
    public const int DefaultMaxLength = 536;

    /// <summary>Bytes of version 2 before the addresses.</summary>
    internal const int FixedLength = 16;

    internal const byte TlvChecksum = 0x03;
    internal const int TlvHeader = 3;

    /// <summary>What version 2 begins with.</summary>
    internal static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">What came on the connection, from its first byte on.</param>
    /// <param name="header">What it says, if it is complete.</param>
    /// <param name="consumed">Its length, if it is complete; else 0. What is behind it is the connection's data.</param>
    /// <param name="fault">Why the bytes are invalid; else none.</param>
    /// <param name="maxLength">The longest header of version 2 that is taken, 16 to 65,551 bytes.</param>
    public static ProxyStatus Read(
        ReadOnlySpan<byte> bytes, out ProxyHeader header, out int consumed, out ProxyFault fault, int maxLength = DefaultMaxLength)
    {
        header = default;
        consumed = 0;
        fault = ProxyFault.None;
        var same = bytes.CommonPrefixLength(Signature);
        if (same == Signature.Length)
        {
            return ReadBinary(bytes, out header, out consumed, out fault, maxLength);
        }

        if (same == bytes.Length)
        {
            return ProxyStatus.Incomplete;
        }

        return ProxyLine.Read(bytes, out header, out consumed, out fault);
    }

    private static ProxyStatus ReadBinary(ReadOnlySpan<byte> bytes, out ProxyHeader header, out int consumed, out ProxyFault fault, int maxLength)
    {
        header = default;
        consumed = 0;
        fault = CheckFixed(bytes, maxLength);
        if (fault != ProxyFault.None)
        {
            return ProxyStatus.Invalid;
        }

        if (bytes.Length < FixedLength)
        {
            return ProxyStatus.Incomplete;
        }

        var command = (ProxyCommand)(bytes[12] & 0xF);
        var total = FixedLength + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        var addresses = command == ProxyCommand.Local ? total - FixedLength : AddressLength(bytes[13]);
        if (FixedLength + addresses > total)
        {
            fault = ProxyFault.Length;
            return ProxyStatus.Invalid;
        }

        var present = bytes[..Math.Min(bytes.Length, total)];
        fault = CheckTlvs(present, FixedLength + addresses, total);
        if (fault != ProxyFault.None)
        {
            return ProxyStatus.Invalid;
        }

        if (present.Length < total)
        {
            return ProxyStatus.Incomplete;
        }

        consumed = total;
        header = ToHeader(command, bytes[13], bytes.Slice(FixedLength, addresses));
        return ProxyStatus.Complete;
    }

    private static ProxyFault CheckFixed(ReadOnlySpan<byte> bytes, int maxLength)
    {
        if (bytes.Length > 12 && bytes[12] is not (0x20 or 0x21))
        {
            return ProxyFault.Command;
        }

        // The family of LOCAL is to be ignored, whatever it is.
        if (bytes.Length > 13 && bytes[12] == 0x21 && AddressLength(bytes[13]) < 0)
        {
            return ProxyFault.Family;
        }

        var length = bytes.Length > 15 ? BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]) : bytes.Length > 14 ? bytes[14] << 8 : 0;
        return FixedLength + length > maxLength ? ProxyFault.TooLong : ProxyFault.None;
    }

    /// <summary>Bytes of both addresses and ports; -1 for what the protocol does not define.</summary>
    private static int AddressLength(byte family) => family switch
    {
        0x00 => 0,
        0x11 or 0x12 => 12,
        0x21 or 0x22 => 36,
        0x31 or 0x32 => 216,
        _ => -1,
    };

    /// <summary>Walks the TLVs as far as they are there; the checksum is compared when all of the header is.</summary>
    private static ProxyFault CheckTlvs(ReadOnlySpan<byte> bytes, int start, int total)
    {
        var checksum = 0;
        for (var at = start; at < total;)
        {
            if (total - at < TlvHeader)
            {
                return ProxyFault.Tlv;
            }

            if (bytes.Length < at + TlvHeader)
            {
                return ProxyFault.None;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 1)..]);
            if (bytes[at] == TlvChecksum)
            {
                if (length != 4 || checksum != 0)
                {
                    return ProxyFault.Checksum;
                }

                checksum = at + TlvHeader;
            }

            at += TlvHeader + length;
            if (at > total)
            {
                return ProxyFault.Tlv;
            }
        }

        return checksum == 0 || bytes.Length < total || BinaryPrimitives.ReadUInt32BigEndian(bytes[checksum..]) == Crc32C(bytes, checksum)
            ? ProxyFault.None
            : ProxyFault.Checksum;
    }

    /// <summary>CRC32C (RFC 4960 appendix B) of a header, its own four bytes taken as zero.</summary>
    internal static uint Crc32C(ReadOnlySpan<byte> header, int checksum)
    {
        var crc = uint.MaxValue;
        for (var i = 0; i < header.Length; i++)
        {
            crc = BitOperations.Crc32C(crc, i >= checksum && i < checksum + 4 ? (byte)0 : header[i]);
        }

        return ~crc;
    }

    private static ProxyHeader ToHeader(ProxyCommand command, byte family, ReadOnlySpan<byte> addresses)
    {
        var size = (family >> 4) switch { 1 => 4, 2 => 16, _ => 0 };
        if (command == ProxyCommand.Local || size == 0)
        {
            return new ProxyHeader { Command = command };
        }

        return new ProxyHeader
        {
            Command = command,
            IsDatagram = (family & 0xF) == 2,
            Source = new(addresses[..size], BinaryPrimitives.ReadUInt16BigEndian(addresses[(2 * size)..])),
            Destination = new(addresses.Slice(size, size), BinaryPrimitives.ReadUInt16BigEndian(addresses[((2 * size) + 2)..])),
        };
    }
}

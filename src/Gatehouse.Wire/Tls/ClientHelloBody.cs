using System.Buffers.Binary;

namespace Gatehouse.Wire.Tls;

/// <summary>Walks a whole ClientHello (RFC 8446 §4.1.2; the same in RFC 5246 §7.4.1.2, but for extensions that may be missing).</summary>
/// <remarks>
/// <code>
/// version(2) random(32) session_id&lt;0..32&gt; cipher_suites&lt;2..2^16-2&gt; compression&lt;1..255&gt; [ extensions&lt;0..2^16-1&gt; ]
/// extension = type(2) data&lt;0..2^16-1&gt;
/// </code>
/// Every list must end exactly where its length says, and the last where the message does.
/// </remarks>
internal static class ClientHelloBody
{
    private const int ServerName = 0;
    private const int Alpn = 16;
    private const int LongestSession = 32;

    public static HelloFault Read(Span<byte> message, int start, out ClientHello hello)
    {
        hello = new ClientHello { Length = message.Length };
        ReadOnlySpan<byte> rest = message[start..];
        if (!TrySkip(ref rest, 34) || message[start] != 3
            || !TryTake(ref rest, 1, out var session) || session.Length > LongestSession
            || !TryTake(ref rest, 2, out var ciphers) || ciphers.Length is 0 || ciphers.Length % 2 != 0
            || !TryTake(ref rest, 1, out var compression) || compression.IsEmpty)
        {
            return HelloFault.Structure;
        }

        if (rest.IsEmpty)
        {
            return HelloFault.None;
        }

        return !TryTake(ref rest, 2, out var extensions) || !rest.IsEmpty ? HelloFault.Structure : ReadExtensions(message, extensions, ref hello);
    }

    private static HelloFault ReadExtensions(Span<byte> message, ReadOnlySpan<byte> extensions, ref ClientHello hello)
    {
        // One bit for each type there can be: a hello may have thousands of empty extensions, and comparing each with each would be work
        // that a client gets for nothing.
        Span<ulong> seen = stackalloc ulong[65_536 / 64];
        while (!extensions.IsEmpty)
        {
            if (!TryNumber(ref extensions, out var type) || !TryTake(ref extensions, 2, out var data))
            {
                return HelloFault.Structure;
            }

            if (!TryMark(seen, type))
            {
                return HelloFault.DuplicateExtension;
            }

            var fault = type switch
            {
                ServerName => ReadServerNames(message, data, ref hello),
                Alpn => ReadProtocols(message, data, ref hello),
                _ => HelloFault.None,
            };
            if (fault != HelloFault.None)
            {
                return fault;
            }
        }

        return HelloFault.None;
    }

    /// <summary>RFC 6066 §3: a list of (type, name&lt;1..2^16-1&gt;), one of each type. Only type 0 is known: a host name.</summary>
    private static HelloFault ReadServerNames(Span<byte> message, ReadOnlySpan<byte> data, ref ClientHello hello)
    {
        if (!TryTake(ref data, 2, out var list) || !data.IsEmpty || list.IsEmpty)
        {
            return HelloFault.ServerNames;
        }

        Span<ulong> seen = stackalloc ulong[256 / 64];
        while (!list.IsEmpty)
        {
            var type = list[0];
            list = list[1..];
            if (!TryTake(ref list, 2, out var name) || !TryMark(seen, type))
            {
                return HelloFault.ServerNames;
            }

            if (type != 0)
            {
                continue;
            }

            var kind = ServerNames.KindOf(name);
            if (kind == ServerNameKind.Invalid)
            {
                return HelloFault.HostName;
            }

            if (kind == ServerNameKind.Host)
            {
                var offset = OffsetOf(message, name);
                ServerNames.ToLower(message.Slice(offset, name.Length));
                hello = hello with { NameOffset = offset, NameLength = name.Length };
            }
        }

        return HelloFault.None;
    }

    /// <summary>RFC 7301 §3.1: a list&lt;2..2^16-1&gt; of names&lt;1..255&gt;.</summary>
    private static HelloFault ReadProtocols(Span<byte> message, ReadOnlySpan<byte> data, ref ClientHello hello)
    {
        if (!TryTake(ref data, 2, out var list) || !data.IsEmpty || list.IsEmpty)
        {
            return HelloFault.Protocols;
        }

        hello = hello with { AlpnOffset = OffsetOf(message, list), AlpnLength = list.Length };
        while (!list.IsEmpty)
        {
            if (!TryTake(ref list, 1, out var name) || name.IsEmpty)
            {
                return HelloFault.Protocols;
            }
        }

        return HelloFault.None;
    }

    private static int OffsetOf(ReadOnlySpan<byte> message, ReadOnlySpan<byte> part)
        => message.Overlaps(part, out var offset) ? offset : throw new System.Diagnostics.UnreachableException("a part lies outside of its message");

    private static bool TryMark(Span<ulong> seen, int bit)
    {
        var mask = 1UL << (bit & 63);
        var isNew = (seen[bit >> 6] & mask) == 0;
        seen[bit >> 6] |= mask;
        return isNew;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> rest, int count)
    {
        if (rest.Length < count)
        {
            return false;
        }

        rest = rest[count..];
        return true;
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> rest, out int number)
    {
        number = rest.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(rest);
        return TrySkip(ref rest, 2);
    }

    /// <summary>Takes what is behind a length of one or two bytes.</summary>
    private static bool TryTake(ref ReadOnlySpan<byte> rest, int lengthBytes, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (rest.Length < lengthBytes)
        {
            return false;
        }

        var length = lengthBytes == 1 ? rest[0] : BinaryPrimitives.ReadUInt16BigEndian(rest);
        rest = rest[lengthBytes..];
        if (rest.Length < length)
        {
            return false;
        }

        taken = rest[..length];
        rest = rest[length..];
        return true;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Gatehouse.Wire;

/// <summary>A 48-bit link-layer address (IEEE 802).</summary>
public readonly record struct MacAddress : ISpanParsable<MacAddress>
{
    /// <summary>Bytes of an address on the wire.</summary>
    public const int Size = 6;

    private readonly ulong _value;

    /// <summary>Takes the address from the low 48 bits, the first byte on the wire being the highest.</summary>
    public MacAddress(ulong value) => _value = value & 0xFFFF_FFFF_FFFF;

    /// <summary>Takes the address from its six bytes.</summary>
    /// <exception cref="ArgumentException">There are not six bytes.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"a link-layer address has 6 bytes, not {bytes.Length}", nameof(bytes));
        }

        foreach (var b in bytes)
        {
            _value = (_value << 8) | b;
        }
    }

    /// <summary>The address whose bits are all zero.</summary>
    public static MacAddress Zero => default;

    /// <summary>The address of everybody on the link.</summary>
    public static MacAddress Broadcast { get; } = new(0xFFFF_FFFF_FFFF);

    /// <summary>The address in the low 48 bits.</summary>
    public ulong Value => _value;

    /// <summary>Whether the address names a group; <see cref="Broadcast"/> is one too.</summary>
    public bool IsMulticast => (_value & 0x0100_0000_0000) != 0;

    /// <summary>Writes the six bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        for (var i = 0; i < Size; i++)
        {
            destination[i] = (byte)(_value >> (40 - (8 * i)));
        }
    }

    /// <summary>The six bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Lower case with colons: <c>02:67:68:00:00:01</c>.</summary>
    public override string ToString() => string.Create(17, _value, static (text, value) =>
    {
        for (var i = 0; i < Size; i++)
        {
            ((byte)(value >> (40 - (8 * i)))).TryFormat(text[(3 * i)..], out _, "x2", CultureInfo.InvariantCulture);
            if (i < Size - 1)
            {
                text[(3 * i) + 2] = ':';
            }
        }
    });

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out MacAddress)"/>
    /// <exception cref="FormatException">It is not one.</exception>
    public static MacAddress Parse(ReadOnlySpan<char> s) => Parse(s, null);

    public static MacAddress Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    public static MacAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider)
        => TryParse(s, provider, out var result)
            ? result
            : throw new FormatException($"'{s}' is not a link-layer address; write six hexadecimal bytes, as in 02:67:68:00:00:01");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out MacAddress result)
        => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Reads six two-digit hexadecimal bytes parted by one kind of separator, <c>:</c> or <c>-</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out MacAddress result)
    {
        result = default;
        if (s.Length != 17 || s[2] is not (':' or '-'))
        {
            return false;
        }

        ulong value = 0;
        for (var i = 0; i < Size; i++)
        {
            if ((i < Size - 1 && s[(3 * i) + 2] != s[2])
                || !byte.TryParse(s.Slice(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
            {
                return false;
            }

            value = (value << 8) | b;
        }

        result = new MacAddress(value);
        return true;
    }
}

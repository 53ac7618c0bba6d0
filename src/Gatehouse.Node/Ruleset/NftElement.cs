using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Gatehouse.Node.Ruleset;

/// <summary>The key of an element, as the kernel holds it.</summary>
internal readonly struct ElementKey(NftSet set, byte[] bytes) : IEquatable<ElementKey>
{
    public NftSet Set { get; } = set;

    public byte[] Bytes { get; } = bytes;

    public bool Equals(ElementKey other) => ReferenceEquals(Set, other.Set) && Bytes.AsSpan().SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is ElementKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Set.Name.Length);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    public override string ToString() => $"{Set} {Convert.ToHexStringLower(Bytes)}";
}

/// <summary>What an element leads to.</summary>
/// <param name="Bytes">A map's value; null for sets and verdicts.</param>
/// <param name="Chain">Where a verdict goes to; null otherwise.</param>
/// <param name="TimeoutMilliseconds">0: stays.</param>
internal sealed record ElementValue(byte[]? Bytes, string? Chain, long TimeoutMilliseconds = 0)
{
    /// <summary>An element of a set.</summary>
    public static ElementValue Member { get; } = new(null, null);

    public bool Equals(ElementValue? other) =>
        other is not null && Chain == other.Chain && TimeoutMilliseconds == other.TimeoutMilliseconds && Bytes.AsSpan().SequenceEqual(other.Bytes);

    public override int GetHashCode() => HashCode.Combine(Chain, TimeoutMilliseconds, Bytes?.Length);
}

/// <summary>An element of a set or map.</summary>
internal readonly record struct NftElement(ElementKey Key, ElementValue Value)
{
    public static NftElement Member(NftSet set, params ReadOnlySpan<object> key) => new(new(set, Pack(set.Key, key)), ElementValue.Member);

    public static NftElement GoTo(NftSet set, string chain, params ReadOnlySpan<object> key) => new(new(set, Pack(set.Key, key)), new(null, chain));

    public static NftElement Map(NftSet set, ReadOnlySpan<object> data, params ReadOnlySpan<object> key) =>
        new(new(set, Pack(set.Key, key)), new(Pack(set.Data!, data), null));

    public NftElement For(TimeSpan timeout) => new(Key, Value with { TimeoutMilliseconds = (long)timeout.TotalMilliseconds });

    private static byte[] Pack(ReadOnlySpan<NftField> fields, ReadOnlySpan<object> values)
    {
        if (fields.Length != values.Length) throw new ArgumentException($"{values.Length} values for {fields.Length} fields", nameof(values));
        var size = 0;
        foreach (var field in fields) size += Size(field);
        var bytes = new byte[size];
        var at = 0;
        for (var i = 0; i < fields.Length; i++)
        {
            Write(fields[i], values[i], bytes.AsSpan(at, Size(fields[i])));
            at += Size(fields[i]);
        }

        return fields.Length > 1 ? bytes : bytes[..Length(fields[0])];
    }

    /// <summary>Bytes in a concatenation.</summary>
    private static int Size(NftField field) => (Length(field) + 3) & ~3;

    private static int Length(NftField field) => field switch
    {
        NftField.Protocol => 1,
        NftField.Port => 2,
        NftField.Mac => 6,
        NftField.Ipv6 or NftField.Raw128 or NftField.InterfaceName => 16,
        _ => 4,
    };

    private static void Write(NftField field, object value, Span<byte> to)
    {
        switch (field)
        {
            case NftField.Ipv4 or NftField.Ipv6 or NftField.Raw32 or NftField.Raw128:
                if (!((IPAddress)value).TryWriteBytes(to, out var written) || written != to.Length)
                    throw new ArgumentException($"{value} is not {to.Length} bytes long", nameof(value));
                break;
            case NftField.Protocol:
                to[0] = (byte)value;
                break;
            case NftField.Port:
                BinaryPrimitives.WriteUInt16BigEndian(to, (ushort)value);
                break;
            case NftField.Slot or NftField.Mark:
                MemoryMarshal.Write(to, (uint)value);
                break;
            case NftField.Mac:
                ((ReadOnlySpan<byte>)(byte[])value).CopyTo(to);
                break;
            case NftField.InterfaceName:
                Encoding.ASCII.GetBytes((string)value, to);
                break;
        }
    }

    /// <summary>The element as nft writes it.</summary>
    public string Text
    {
        get
        {
            var text = new StringBuilder();
            Append(text, Key.Set.Key, Key.Bytes);
            if (Value.TimeoutMilliseconds > 0) text.Append(" timeout ").Append(Value.TimeoutMilliseconds).Append("ms");
            if (Value.Chain is { } chain) text.Append(" : goto ").Append(chain);
            else if (Value.Bytes is { } data) Append(text.Append(" : "), Key.Set.Data!, data);
            return text.ToString();
        }
    }

    private static void Append(StringBuilder text, ReadOnlySpan<NftField> fields, ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (i > 0) text.Append(" . ");
            var field = bytes[..Length(fields[i])];
            bytes = fields.Length > 1 ? bytes[Size(fields[i])..] : default;
            text.Append(fields[i] switch
            {
                NftField.Ipv4 or NftField.Ipv6 => new IPAddress(field).ToString(),
                NftField.Protocol => $"{field[0]}",
                NftField.Port => $"{BinaryPrimitives.ReadUInt16BigEndian(field)}",
                NftField.Slot => $"{MemoryMarshal.Read<uint>(field)}",
                NftField.Mark => $"0x{MemoryMarshal.Read<uint>(field):x8}",
                NftField.Mac => Convert.ToHexStringLower(field).Insert(10, ":").Insert(8, ":").Insert(6, ":").Insert(4, ":").Insert(2, ":"),
                NftField.InterfaceName => $"\"{Encoding.ASCII.GetString(field).TrimEnd('\0')}\"",
                _ => $"0x{Convert.ToHexStringLower(field)}",
            });
        }
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Gatehouse.Linux.Netlink;

/// <summary>
/// Writes netlink messages one after the other into a buffer that grows and is used again. Numbers are in the host's byte
/// order unless the method says otherwise; every attribute is padded to four bytes (netlink(7)).
/// </summary>
internal sealed class NetlinkWriter
{
    public const int HeaderSize = 16;
    public const int AttributeHeaderSize = 4;

    /// <summary>An attribute's length has 16 bits.</summary>
    public const int AttributeLimit = ushort.MaxValue;

    private const ushort NestedFlag = 0x8000;
    private byte[] _buffer = new byte[4096];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Takes back everything from the position on.</summary>
    public void Truncate(int length) => Length = length;

    /// <summary>Begins a message and returns where, for <see cref="End"/>.</summary>
    public int Begin(ushort type, NetlinkFlags flags, uint sequence)
    {
        var start = Length;
        var header = Grow(HeaderSize);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)flags);
        MemoryMarshal.Write(header[8..], sequence);
        return start;
    }

    /// <summary>Ends the message: its length is known now.</summary>
    public void End(int start) => MemoryMarshal.Write(_buffer.AsSpan(start), (uint)(Length - start));

    /// <summary>Adds flags to a message that has been written.</summary>
    public void AddFlags(int start, NetlinkFlags flags)
    {
        var place = _buffer.AsSpan(start + 6, 2);
        MemoryMarshal.Write(place, (ushort)(MemoryMarshal.Read<ushort>(place) | (ushort)flags));
    }

    /// <summary>Writes a family's fixed header.</summary>
    public void Put<T>(in T value)
        where T : unmanaged
        => MemoryMarshal.Write(Grow(Unsafe.SizeOf<T>()), value);

    public void Bytes(int type, ReadOnlySpan<byte> value) => value.CopyTo(Attribute(type, value.Length));

    public void U8(int type, byte value) => Attribute(type, 1)[0] = value;

    public void U16(int type, ushort value) => MemoryMarshal.Write(Attribute(type, 2), value);

    public void U32(int type, uint value) => MemoryMarshal.Write(Attribute(type, 4), value);

    /// <summary>A number in network byte order.</summary>
    public void U16Big(int type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Attribute(type, 2), value);

    /// <summary>A number in network byte order.</summary>
    public void U32Big(int type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Attribute(type, 4), value);

    /// <summary>A number in network byte order.</summary>
    public void U64Big(int type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Attribute(type, 8), value);

    /// <summary>Text with a zero byte at its end.</summary>
    public void Text(int type, string value)
    {
        var place = Attribute(type, Encoding.UTF8.GetByteCount(value) + 1);
        place[Encoding.UTF8.GetBytes(value, place)] = 0;
    }

    public void Address(int type, IPAddress address)
        => address.TryWriteBytes(Attribute(type, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 4 : 16), out _);

    /// <summary>Begins an attribute that holds attributes.</summary>
    public int Nest(int type, bool flagged = true)
    {
        var start = Length;
        var header = Grow(AttributeHeaderSize);
        MemoryMarshal.Write(header[2..], (ushort)(type | (flagged ? NestedFlag : 0)));
        return start;
    }

    /// <exception cref="ArgumentException">The attribute is longer than 65,535 bytes.</exception>
    public void EndNest(int start)
    {
        var length = Length - start;
        if (length > AttributeLimit)
        {
            throw new ArgumentException($"a netlink attribute of {length} bytes is over {AttributeLimit}", nameof(start));
        }

        MemoryMarshal.Write(_buffer.AsSpan(start), (ushort)length);
    }

    /// <summary>An empty attribute of that length, to be filled.</summary>
    public Span<byte> Attribute(int type, int length)
    {
        if (length > AttributeLimit - AttributeHeaderSize)
        {
            throw new ArgumentException($"a netlink attribute of {length} bytes is over {AttributeLimit}", nameof(length));
        }

        var place = Grow(AttributeHeaderSize + length);
        MemoryMarshal.Write(place, (ushort)(AttributeHeaderSize + length));
        MemoryMarshal.Write(place[2..], (ushort)type);
        return place.Slice(AttributeHeaderSize, length);
    }

    private Span<byte> Grow(int count)
    {
        var padded = (count + 3) & ~3;
        if (Length + padded > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + padded));
        }

        var place = _buffer.AsSpan(Length, padded);
        place.Clear();
        Length += padded;
        return place[..count];
    }
}

/// <summary>nlmsg_flags of a request.</summary>
[Flags]
internal enum NetlinkFlags : ushort
{
    None = 0,
    Request = 1,
    Multi = 2,
    Ack = 4,
    DumpInterrupted = 0x10,
    Dump = 0x300,
    Replace = 0x100,
    Exclusive = 0x200,
    Create = 0x400,
    Append = 0x800,
}

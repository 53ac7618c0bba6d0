using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Gatehouse.Linux.Netlink;

/// <summary>Walks netlink attributes; stops at the first that does not fit into its bytes.</summary>
internal ref struct AttributeReader(ReadOnlySpan<byte> bytes)
{
    private const int TypeMask = 0x3FFF; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
    private ReadOnlySpan<byte> _rest = bytes;

    public int Type { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public bool Next()
    {
        if (_rest.Length < NetlinkWriter.AttributeHeaderSize)
        {
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(_rest);
        if (length < NetlinkWriter.AttributeHeaderSize || length > _rest.Length)
        {
            _rest = default;
            return false;
        }

        Type = MemoryMarshal.Read<ushort>(_rest[2..]) & TypeMask;
        Value = _rest[NetlinkWriter.AttributeHeaderSize..length];
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }
}

/// <summary>Reads attributes' values; too few bytes read as zero, since the kernel's answer is not worth an exception.</summary>
internal static class AttributeValue
{
    extension(ReadOnlySpan<byte> value)
    {
        public byte U8() => value.Length >= 1 ? value[0] : (byte)0;

        public ushort U16() => value.Length >= 2 ? MemoryMarshal.Read<ushort>(value) : (ushort)0;

        public uint U32() => value.Length >= 4 ? MemoryMarshal.Read<uint>(value) : 0;

        public int I32() => (int)value.U32();

        public ushort U16Big() => value.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(value) : (ushort)0;

        public uint U32Big() => value.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(value) : 0;

        public ulong U64Big() => value.Length >= 8 ? BinaryPrimitives.ReadUInt64BigEndian(value) : 0;

        /// <summary>Text up to its zero byte.</summary>
        public string Text()
        {
            var end = value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
        }

        /// <summary>An address of 4 or 16 bytes, else null.</summary>
        public IPAddress? Address() => value.Length is 4 or 16 ? new IPAddress(value) : null;
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Numerics;

namespace Gatehouse.Node.Trace;

/// <summary>
/// The kernel's <c>jhash</c> (include/linux/jhash.h, Bob Jenkins' lookup3) as nftables uses it, so that a trace can say beforehand which slot a client gets.
/// </summary>
internal static class KernelHash
{
    private const uint Initial = 0xdeadbeef;

    /// <summary>The slot of a client: the hash, scaled to the number of slots as <c>reciprocal_scale</c> does.</summary>
    public static int Slot(IPAddress client, int slots, uint seed) => (int)(((ulong)Hash(client.GetAddressBytes(), seed) * (uint)slots) >> 32);

    /// <summary>Hash of 4 or 16 bytes.</summary>
    internal static uint Hash(ReadOnlySpan<byte> key, uint seed)
    {
        uint a, b, c;
        a = b = c = Initial + (uint)key.Length + seed;
        while (key.Length > 12)
        {
            a += BinaryPrimitives.ReadUInt32LittleEndian(key);
            b += BinaryPrimitives.ReadUInt32LittleEndian(key[4..]);
            c += BinaryPrimitives.ReadUInt32LittleEndian(key[8..]);
            Mix(ref a, ref b, ref c);
            key = key[12..];
        }

        Span<byte> rest = stackalloc byte[12];
        key.CopyTo(rest);
        a += BinaryPrimitives.ReadUInt32LittleEndian(rest);
        b += BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
        c += BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
        return Final(a, b, c);
    }

    private static void Mix(ref uint a, ref uint b, ref uint c)
    {
        a -= c; a ^= BitOperations.RotateLeft(c, 4); c += b;
        b -= a; b ^= BitOperations.RotateLeft(a, 6); a += c;
        c -= b; c ^= BitOperations.RotateLeft(b, 8); b += a;
        a -= c; a ^= BitOperations.RotateLeft(c, 16); c += b;
        b -= a; b ^= BitOperations.RotateLeft(a, 19); a += c;
        c -= b; c ^= BitOperations.RotateLeft(b, 4); b += a;
    }

    private static uint Final(uint a, uint b, uint c)
    {
        c ^= b; c -= BitOperations.RotateLeft(b, 14);
        a ^= c; a -= BitOperations.RotateLeft(c, 11);
        b ^= a; b -= BitOperations.RotateLeft(a, 25);
        c ^= b; c -= BitOperations.RotateLeft(b, 16);
        a ^= c; a -= BitOperations.RotateLeft(c, 4);
        b ^= a; b -= BitOperations.RotateLeft(a, 14);
        c ^= b; c -= BitOperations.RotateLeft(b, 24);
        return c;
    }
}

using System.Buffers.Binary;
using System.Numerics;

namespace Gatehouse.Store.Sqlite;

/// <summary>CRC-32C (RFC 3720 §12.1) of what a row says, so that a bit that the disk turned is found at the next start.</summary>
internal static class RowChecksum
{
    private const uint Seed = 0xffffffff;

    /// <param name="key">UTF-8.</param>
    /// <param name="isDelete">Told apart from an empty value.</param>
    public static uint Of(long revision, long created, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isDelete)
    {
        var crc = BitOperations.Crc32C(Seed, (ulong)revision);
        crc = BitOperations.Crc32C(crc, (ulong)created);
        crc = BitOperations.Crc32C(crc, ((ulong)key.Length << 32) | (isDelete ? uint.MaxValue : (uint)value.Length));
        return Add(Add(crc, key), value) ^ uint.MaxValue;
    }

    public static uint Of(ReadOnlySpan<byte> bytes) => Add(Seed, bytes) ^ uint.MaxValue;

    /// <summary>A row's share of the sum over all rows, which finds a row that is missing as a whole. (Finaliser of SplitMix64.)</summary>
    public static long Share(long revision, uint checksum)
    {
        var x = unchecked(((ulong)revision * 0x9E3779B97F4A7C15) ^ checksum);
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        return unchecked((long)(x ^ (x >> 31)));
    }

    private static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}

using System.Runtime.InteropServices;

namespace Gatehouse.Proxy.Routing;

/// <summary>An immutable map from bytes to things, asked with the bytes as they lie in a buffer. Built once for a snapshot; a lookup costs its key's length and allocates nothing.</summary>
internal sealed class BytesTable<T>
    where T : class
{
    private readonly byte[][] _keys;
    private readonly T[] _values;
    private readonly uint[] _hashes;
    private readonly int[] _buckets;
    private readonly int[] _next;

    /// <param name="items">Keys that differ, with their values.</param>
    public BytesTable(IReadOnlyCollection<KeyValuePair<byte[], T>> items)
    {
        Count = items.Count;
        _keys = new byte[Count][];
        _values = new T[Count];
        _hashes = new uint[Count];
        _next = new int[Count];
        _buckets = new int[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, Count * 2))];
        Array.Fill(_buckets, -1);
        var i = 0;
        foreach (var (key, value) in items)
        {
            (_keys[i], _values[i], _hashes[i]) = (key, value, Hash(key));
            ref var bucket = ref _buckets[_hashes[i] & (uint)(_buckets.Length - 1)];
            (_next[i], bucket) = (bucket, i);
            i++;
        }
    }

    public int Count { get; }

    /// <summary>All values.</summary>
    public IReadOnlyList<T> Values => _values;

    /// <summary>The value of a key, or null.</summary>
    public T? Find(ReadOnlySpan<byte> key)
    {
        if (Count == 0) return null;
        var hash = Hash(key);
        for (var i = _buckets[hash & (uint)(_buckets.Length - 1)]; i >= 0; i = _next[i])
        {
            if (_hashes[i] == hash && key.SequenceEqual(_keys[i])) return _values[i];
        }

        return null;
    }

    private static uint Hash(ReadOnlySpan<byte> key)
    {
        const ulong prime = 0x9E3779B97F4A7C15;
        var hash = (ulong)key.Length * prime;
        while (key.Length >= sizeof(ulong))
        {
            hash = (hash ^ MemoryMarshal.Read<ulong>(key)) * prime;
            hash ^= hash >> 32;
            key = key[sizeof(ulong)..];
        }

        foreach (var b in key) hash = (hash ^ b) * prime;
        return (uint)(hash >> 32);
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Listeners;

/// <summary>
/// How many connections of a listener each client has, over all loops. A client is an IPv4 address, also one that is written in IPv6, or an IPv6 /64, which is what one subscriber gets.
/// There is an entry only for who has a connection now, so that there are never more entries than connections. It is asked when a connection comes and goes and never for a request: its
/// locks, one for each of sixteen parts, are held for one lookup.
/// </summary>
internal sealed class ClientCounts
{
    private const int Parts = 16;
    private readonly Part?[] _parts = new Part?[Parts];

    /// <summary>Clients that have a connection now.</summary>
    public int Clients
    {
        get
        {
            var sum = 0;
            foreach (var part in _parts)
            {
                if (part is null) continue;
                lock (part.Lock) sum += part.Counts.Count;
            }

            return sum;
        }
    }

    /// <summary>Counts a connection, which has to leave. False: the client has that many already, and it is not counted.</summary>
    public bool TryEnter(in SocketEndPoint client, int most)
    {
        var key = KeyOf(client);
        var part = PartOf(key);
        lock (part.Lock)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(part.Counts, key, out _);
            if (count >= most) return false; // It is not below 1 here, so that no empty entry is left.
            count++;
            return true;
        }
    }

    /// <summary>A connection that was counted is gone.</summary>
    public void Leave(in SocketEndPoint client)
    {
        var key = KeyOf(client);
        var part = PartOf(key);
        lock (part.Lock)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrNullRef(part.Counts, key);
            if (--count == 0) part.Counts.Remove(key);
        }
    }

    /// <summary>::ffff:0:0/96 (RFC 4291 §2.5.5.2).</summary>
    private static ReadOnlySpan<byte> Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

    private static Key KeyOf(in SocketEndPoint client)
    {
        var address = client.Address;
        if (address.StartsWith(Mapped)) address = address[12..];
        return address.Length == 4 ? new Key(BinaryPrimitives.ReadUInt32BigEndian(address), IsV6: false) : new Key(BinaryPrimitives.ReadUInt64BigEndian(address), IsV6: true);
    }

    /// <summary>Parts are made when they are first needed: most listeners bound nothing here.</summary>
    private Part PartOf(Key key)
    {
        ref var part = ref _parts[(uint)key.GetHashCode() % Parts];
        return Volatile.Read(ref part) ?? Interlocked.CompareExchange(ref part, new Part(), null) ?? part;
    }

    private readonly record struct Key(ulong Prefix, bool IsV6)
    {
        /// <summary>Mixed with a secret of the process, for clients choose their addresses.</summary>
        public override int GetHashCode() => HashCode.Combine(Prefix, IsV6);
    }

    private sealed class Part
    {
        public Lock Lock { get; } = new();

        public Dictionary<Key, int> Counts { get; } = [];
    }
}

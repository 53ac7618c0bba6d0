using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Udp;

/// <summary>Who sends, and to which of the machine's addresses.</summary>
internal abstract class FlowKey : Timed
{
    private SocketEndPoint _client;
    private SocketEndPoint _local;

    /// <summary>Who sends.</summary>
    public ref readonly SocketEndPoint Client => ref _client;

    /// <summary>The address that the client wrote to; not set where there is only one.</summary>
    public ref readonly SocketEndPoint Local => ref _local;

    /// <summary>Sets both; not while it is in a table.</summary>
    protected void SetKey(in SocketEndPoint client, in SocketEndPoint local) => (_client, _local) = (client, local);
}

/// <summary>
/// Flows by client and by the address that the client wrote to. Open addressing with linear probing: a lookup touches an array of hashes and then one flow, and allocates nothing. Hashes are
/// mixed with a secret of the process, for clients choose their addresses and ports.
/// </summary>
internal sealed class FlowTable<T>
    where T : FlowKey
{
    private const int Smallest = 64;
    private T?[] _flows = new T?[Smallest];
    private int[] _hashes = new int[Smallest];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The flow of a client; null: there is none.</summary>
    public T? Find(in SocketEndPoint client, in SocketEndPoint local)
    {
        var hash = HashOf(client, local);
        var mask = _flows.Length - 1;
        for (var at = hash & mask; _flows[at] is { } flow; at = (at + 1) & mask)
        {
            if (_hashes[at] == hash && flow.Client.Equals(client) && flow.Local.Equals(local)) return flow;
        }

        return null;
    }

    /// <summary>Adds one that is not there.</summary>
    public void Add(T flow)
    {
        if (Count >= _flows.Length / 4 * 3) Grow();
        Put(flow, HashOf(flow.Client, flow.Local));
        Count++;
    }

    /// <summary>Takes one out that is there. Those behind it move up, so that no gaps are left to be skipped.</summary>
    public void Remove(T flow)
    {
        var mask = _flows.Length - 1;
        var hole = HashOf(flow.Client, flow.Local) & mask;
        while (_flows[hole] != flow) hole = (hole + 1) & mask;
        for (var next = (hole + 1) & mask; _flows[next] is not null; next = (next + 1) & mask)
        {
            // One may move up if its own place is not between the hole and where it stands.
            if (((next - _hashes[next]) & mask) < ((next - hole) & mask)) continue;
            (_flows[hole], _hashes[hole]) = (_flows[next], _hashes[next]);
            hole = next;
        }

        _flows[hole] = null;
        Count--;
    }

    /// <summary>All that are there now; for what is rare.</summary>
    public IReadOnlyList<T> ToList() => [.. _flows.Where(f => f is not null).Select(f => f!)];

    private static int HashOf(in SocketEndPoint client, in SocketEndPoint local) => HashCode.Combine(client, local);

    private void Put(T flow, int hash)
    {
        var mask = _flows.Length - 1;
        var at = hash & mask;
        while (_flows[at] is not null) at = (at + 1) & mask;
        (_flows[at], _hashes[at]) = (flow, hash);
    }

    private void Grow()
    {
        var (flows, hashes) = (_flows, _hashes);
        _flows = new T?[flows.Length * 2];
        _hashes = new int[flows.Length * 2];
        for (var i = 0; i < flows.Length; i++)
        {
            if (flows[i] is { } flow) Put(flow, hashes[i]);
        }
    }
}

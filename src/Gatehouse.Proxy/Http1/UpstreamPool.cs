using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Http1;

/// <summary>The connections of one loop that wait for another request: for each endpoint a stack, so that the warmest goes first and the coldest times out.</summary>
internal sealed class UpstreamPool(EngineLoop loop)
{
    private const int MostRecycled = 256;
    private const int MostLookedAt = 8;
    private readonly Stack<UpstreamConnection> _recycled = new();
    private Stacked[] _byEndpoint = new Stacked[64];

    /// <summary>Connections that wait.</summary>
    public int Idle { get; private set; }

    /// <summary>How many wait for one endpoint.</summary>
    public int IdleOf(EndpointModel endpoint) => endpoint.Index < _byEndpoint.Length ? _byEndpoint[endpoint.Index].Count : 0;

    /// <summary>A connection object that is in no use.</summary>
    public UpstreamConnection Rent() => _recycled.TryPop(out var connection) ? connection : new UpstreamConnection(loop);

    /// <summary>Takes one that waits; null when there is none. Over TLS it must have been made for the same name: its certificate was checked for no other.</summary>
    public UpstreamConnection? Take(EndpointModel endpoint, TlsPeer? peer)
    {
        if (endpoint.Index >= _byEndpoint.Length) return null;
        var looked = 0;
        for (var waiting = _byEndpoint[endpoint.Index].Top; waiting is not null && looked < MostLookedAt;)
        {
            var below = waiting.Below;
            if (waiting.Endpoint != endpoint)
            {
                Remove(waiting);
                waiting.Close(); // It leads to where the endpoint was before its address changed.
            }
            else if (waiting.Peer == peer)
            {
                Remove(waiting);
                return waiting;
            }

            looked++;
            waiting = below;
        }

        return null;
    }

    /// <summary>Adds one that waits from now on. False: there are enough, or its endpoint is no more.</summary>
    public bool TryAdd(UpstreamConnection connection, int most)
    {
        var index = connection.Endpoint.Index;
        if (index >= _byEndpoint.Length) Array.Resize(ref _byEndpoint, Math.Max(_byEndpoint.Length * 2, index + 1));
        ref var stack = ref _byEndpoint[index];
        if (stack.Count >= most || connection.Endpoint.IsRemoved || loop.IsDraining) return false;
        connection.Below = stack.Top;
        connection.Above = null;
        if (stack.Top is not null) stack.Top.Above = connection;
        stack.Top = connection;
        stack.Count++;
        Idle++;
        return true;
    }

    /// <summary>Takes one out, wherever it stands.</summary>
    public void Remove(UpstreamConnection connection)
    {
        ref var stack = ref _byEndpoint[connection.Endpoint.Index];
        if (connection.Below is not null) connection.Below.Above = connection.Above;
        if (connection.Above is not null) connection.Above.Below = connection.Below;
        else stack.Top = connection.Below;
        connection.Above = connection.Below = null;
        stack.Count--;
        Idle--;
    }

    /// <summary>Closes what waits for endpoints that are no more, or all.</summary>
    public void CloseIdle(bool all)
    {
        foreach (ref var stack in _byEndpoint.AsSpan())
        {
            for (var connection = stack.Top; connection is not null;)
            {
                var below = connection.Below;
                if (all || connection.Endpoint.IsRemoved)
                {
                    Remove(connection);
                    connection.Close();
                }

                connection = below;
            }
        }
    }

    /// <summary>Keeps the object of a closed connection for another.</summary>
    public void Recycle(UpstreamConnection connection)
    {
        if (_recycled.Count < MostRecycled) _recycled.Push(connection);
    }

    private struct Stacked
    {
        public UpstreamConnection? Top;
        public int Count;
    }
}

using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>What a load saw.</summary>
/// <param name="Requests">Answered as they should be.</param>
/// <param name="Failed">Connections that ended before their answer, or answers other than 200.</param>
/// <param name="Faults">Why, and how often.</param>
/// <param name="Seconds">From the first request to the last answer.</param>
internal sealed record LoadOutcome(int Requests, int Failed, IReadOnlyDictionary<string, int> Faults, double Seconds)
{
    public string Fault => string.Join(", ", Faults.Select(f => $"{f.Key} ({f.Value:n0})"));
}

/// <summary>
/// Clients that keep asking, each as soon as it has its answer. Work is a number of requests, not a time: what a proxy used for it is divided by what is known exactly. All on
/// one thread; connections live from one run to the next.
/// </summary>
internal sealed class HttpLoad : IDisposable
{
    private const int Silence = 10_000;
    private readonly Epoll _epoll = new(512);
    private readonly byte[] _buffer = new byte[256 * 1024];
    private readonly LoadConnection[] _connections;
    private readonly byte[][] _questions;
    private readonly bool _connectEachTime;
    private int _next;
    private int _left;
    private int _answered;
    private int _failed;
    private int _opened;
    private Dictionary<string, int> _faults = [];
    private bool _filling;

    /// <param name="port">The proxy's.</param>
    /// <param name="connections">How many ask at a time.</param>
    /// <param name="questions">Asked in turn.</param>
    /// <param name="serverName">For TLS; null is plain.</param>
    /// <param name="connectEachTime">Whether each request has a connection of its own, which the client closes.</param>
    public HttpLoad(int port, int connections, byte[][] questions, string? serverName = null, bool connectEachTime = false)
    {
        _questions = questions;
        _connectEachTime = connectEachTime;
        _connections = [.. Enumerable.Range(0, connections).Select(_ => new LoadConnection(port) { Tls = serverName is null ? null : new TlsClient(serverName) })];
    }

    /// <summary>Asks so many times.</summary>
    public Task<LoadOutcome> RunAsync(int requests) => Machine.RunOnAsync(Machine.LoadProcessor, () => Run(requests, _connections.Length));

    /// <summary>Opens all connections, and asks once through each; they stay open.</summary>
    /// <param name="atOnce">How many wait for their answer at a time.</param>
    public Task<LoadOutcome> FillAsync(int atOnce)
    {
        _filling = true;
        return Machine.RunOnAsync(Machine.LoadProcessor, () => Run(_connections.Length, atOnce));
    }

    /// <summary>Session tickets that the proxy sent for each connection of the last run.</summary>
    public double Tickets { get; private set; }

    /// <summary>What TLS the first connection last agreed on.</summary>
    public string Tls => _connections[0].Tls?.Agreed ?? "none";

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Close(_epoll);
        _epoll.Dispose();
    }

    private LoadOutcome Run(int requests, int atOnce)
    {
        (_left, _answered, _failed, _faults) = (requests, 0, 0, []);
        var (opened, tickets) = (_opened, TlsClient.Tickets);
        var started = Machine.Now();
        for (var i = 0; i < atOnce && _left > 0; i++) Next(i);
        while (_answered + _failed < requests)
        {
            var count = _epoll.Wait(Silence);
            if (count == 0) throw new TimeoutException($"no answer within {Silence / 1000} s; {_answered} of {requests} came");
            for (var i = 0; i < count; i++)
            {
                _ = _epoll.Event(i, out var index);
                Continue((int)index);
            }
        }

        if (_opened > opened) Tickets = (double)(TlsClient.Tickets - tickets) / (_opened - opened);
        return new(_answered, _failed, _faults, (Machine.Now() - started) / 1e9);
    }

    private void Next(int index)
    {
        if (_filling) index = _connections.Length - _left;
        if (_connectEachTime) _connections[index].Close(_epoll);
        if (_left == 0) return;
        var connection = _connections[index];
        if (connection.Fd < 0)
        {
            connection.Open();
            _opened++;
            _ = _epoll.Add(connection.Fd, EpollEvents.In, (ulong)index);
        }

        _left--;
        var question = _questions[_next++ % _questions.Length];
        Settle(index, connection.Ask(question));
    }

    private void Continue(int index)
    {
        var connection = _connections[index];
        var wanted = connection.WantsToWrite;
        var turn = connection.HasMoreToWrite ? connection.Write() : Turn.Waits;
        if (wanted && !connection.WantsToWrite && turn == Turn.Waits) _ = _epoll.Modify(connection.Fd, EpollEvents.In, (ulong)index);
        if (turn == Turn.Waits && !connection.HasMoreToWrite) turn = connection.Read(_buffer);
        Settle(index, turn);
    }

    private void Settle(int index, Turn turn)
    {
        var connection = _connections[index];
        if (turn == Turn.Waits)
        {
            if (connection.WantsToWrite) _ = _epoll.Modify(connection.Fd, EpollEvents.In | EpollEvents.Out, (ulong)index);
            return;
        }

        if (turn == Turn.Failed)
        {
            _failed++;
            _faults[connection.Fault] = _faults.GetValueOrDefault(connection.Fault) + 1;
            connection.Close(_epoll);
            connection.Forgive();
        }
        else
        {
            _answered++;
        }

        Next(index);
    }
}

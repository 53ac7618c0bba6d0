using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>What a steady load saw.</summary>
/// <param name="Milliseconds">Of each answered request, from when it was due.</param>
/// <param name="Failed">Requests that got no answer or another than 200.</param>
/// <param name="Faults">Why, and how often.</param>
internal sealed record SteadyOutcome(IReadOnlyList<double> Milliseconds, int Failed, IReadOnlyDictionary<string, int> Faults);

/// <summary>
/// Requests at times that were fixed beforehand, whether or not earlier ones have their answer: when all connections are busy, one waits here, and that counts. A load that asks
/// only after it was answered would not notice that a proxy stopped for a while.
/// </summary>
internal sealed class SteadyLoad : IDisposable
{
    private const ulong Timer = ulong.MaxValue;
    private const int Silence = 10_000;
    private readonly Epoll _epoll = new(64);
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly LoadConnection[] _connections;
    private readonly Stack<int> _free = [];
    private readonly byte[][] _questions;
    private readonly int _timer = Machine.OpenTimer();
    private readonly Dictionary<string, int> _faults = [];
    private readonly List<double> _milliseconds = [];
    private int _asked;
    private int _failed;

    public SteadyLoad(int port, int connections, byte[][] questions)
    {
        _questions = questions;
        _connections = [.. Enumerable.Range(0, connections).Select(_ => new LoadConnection(port))];
        for (var i = connections - 1; i >= 0; i--) _free.Push(i);
        _ = _epoll.Add(_timer, EpollEvents.In, Timer);
    }

    /// <summary>Asks at a rate for a time.</summary>
    public Task<SteadyOutcome> RunAsync(int perSecond, TimeSpan time, CancellationToken cancellation) =>
        Machine.RunOnAsync(Machine.LoadProcessor, () => Run(1_000_000_000L / perSecond, (int)(perSecond * time.TotalSeconds), cancellation));

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Close(_epoll);
        SocketCalls.Close(_timer);
        _epoll.Dispose();
    }

    private SteadyOutcome Run(long gap, int total, CancellationToken cancellation)
    {
        _milliseconds.Clear();
        _faults.Clear();
        (_asked, _failed) = (0, 0);
        var start = Machine.Now() + gap;
        while (_milliseconds.Count + _failed < total)
        {
            cancellation.ThrowIfCancellationRequested();
            AskWhatIsDue(start, gap, total);
            var count = _epoll.Wait(Silence);
            if (count == 0) throw new TimeoutException($"no answer within {Silence / 1000} s; {_milliseconds.Count} of {total} came");
            for (var i = 0; i < count; i++)
            {
                _ = _epoll.Event(i, out var data);
                if (data == Timer) SocketCalls.ClearEvent(_timer);
                else Continue((int)data);
            }
        }

        return new([.. _milliseconds], _failed, new Dictionary<string, int>(_faults));
    }

    private void AskWhatIsDue(long start, long gap, int total)
    {
        while (_asked < total && _free.Count > 0)
        {
            var due = start + (_asked * gap);
            if (due > Machine.Now())
            {
                Machine.SetTimer(_timer, due);
                return;
            }

            Ask(_free.Pop(), due);
        }
    }

    private void Ask(int index, long due)
    {
        var connection = _connections[index];
        connection.Due = due;
        var question = _questions[_asked++ % _questions.Length];
        if (connection.Fd < 0)
        {
            connection.Open();
            _ = _epoll.Add(connection.Fd, EpollEvents.In, (ulong)index);
        }

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

        if (turn == Turn.Answered)
        {
            _milliseconds.Add((Machine.Now() - connection.Due) / 1e6);
        }
        else
        {
            // A connection that ends between two requests is no request that failed.
            if (connection.IsBusy) Count(connection.Fault);
            else if (_free.Contains(index)) { connection.Close(_epoll); connection.Forgive(); return; }
            connection.Close(_epoll);
            connection.Forgive();
        }

        _free.Push(index);
    }

    private void Count(string fault)
    {
        _failed++;
        _faults[fault] = _faults.GetValueOrDefault(fault) + 1;
    }
}

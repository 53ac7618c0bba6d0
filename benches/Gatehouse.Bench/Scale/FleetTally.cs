using System.Net;

namespace Gatehouse.Bench.Scale;

/// <summary>What a process of simulated workers counts, and what all of them share.</summary>
internal sealed class FleetTally
{
    private const int Tries = 8;
    private const int FaultsKept = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly List<Task> _readers = [];
    private readonly List<string> _faults = [];
    private int _retries;
    private int _cut;
    private int _late;

    public int Retries => _retries;

    public int CutWatches => _cut;

    public int LateRenewals => _late;

    /// <summary>What a peer's event must contain to count as heard; null for nothing.</summary>
    public byte[]? Mark { get; set; }

    public IReadOnlyList<string> Faults
    {
        get
        {
            lock (_faults) return [.. _faults];
        }
    }

    /// <summary>A watch that is read in the background; its end is counted by itself.</summary>
    public void Begin(Task reader)
    {
        lock (_readers) _readers.Add(reader);
    }

    public void Cut(string fault)
    {
        Interlocked.Increment(ref _cut);
        Fault(fault);
    }

    public void Late() => Interlocked.Increment(ref _late);

    public void Fault(string fault)
    {
        lock (_faults)
        {
            if (_faults.Count < FaultsKept) _faults.Add(fault);
        }
    }

    /// <summary>
    /// Does again what a server was too busy for, after the time that it asked for, and what the connection cut, as a node does. Each repetition is counted.
    /// </summary>
    public async Task<T> RetryAsync<T>(Func<Task<T>> act, Func<T, TimeSpan?> again, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var pause = Pause;
            try
            {
                var result = await act();
                if (again(result) is not { } wanted || tries == Tries) return result;
                pause = wanted;
            }
            catch (Exception e) when (tries < Tries && !cancellation.IsCancellationRequested && e is HttpRequestException or IOException or OperationCanceledException)
            {
                Fault($"repeated: {e.GetType().Name}: {e.Message} {e.InnerException?.Message}");
            }

            Interlocked.Increment(ref _retries);
            await Task.Delay(pause, TimeProvider.System, cancellation);
        }
    }

    /// <summary>The same for a request.</summary>
    public Task<Answer> RetryAsync(Func<Task<Answer>> send, CancellationToken cancellation) => RetryAsync(
        send, static a => a.Code is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable ? a.RetryAfter ?? Pause : null, cancellation);
}

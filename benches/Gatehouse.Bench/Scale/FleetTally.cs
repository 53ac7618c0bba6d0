using System.Net;

namespace Gatehouse.Bench.Scale;

/// <summary>What a process of simulated workers counts, and what all of them share.</summary>
internal sealed class FleetTally
{
    private const int Tries = 8;
    private const int FaultsKept = 5;
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

    /// <summary>Sends again what a server was too busy for, after the time that it asked for.</summary>
    public async Task<Answer> RetryAsync(Func<Task<Answer>> send, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var answer = await send();
            if (answer.Code is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable) || tries == Tries) return answer;
            Interlocked.Increment(ref _retries);
            await Task.Delay(answer.RetryAfter ?? TimeSpan.FromSeconds(1), TimeProvider.System, cancellation);
        }
    }
}

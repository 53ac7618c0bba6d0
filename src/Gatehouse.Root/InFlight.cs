using System.Collections.Concurrent;
using Gatehouse.Api.Server;

namespace Gatehouse.Root;

/// <summary>What was decided for one write, until it is known to be stored or not to be.</summary>
internal abstract class WriteDecision(AdmissionRequest? request)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public AdmissionRequest? Request { get; } = request;

    /// <summary>Completes when the decision is stored or undone.</summary>
    public Task Ended => _ended.Task;

    public void End() => _ended.TrySetResult();
}

/// <summary>
/// Names whose allocation was decided and is not known to be stored yet. While a name is in here, nobody else may decide about it: two creates of one name would
/// get the same address, one of them would fail, and giving back its address would free what the other one has.
/// </summary>
/// <remarks>Safe for any thread. Bounded by the requests under way.</remarks>
internal sealed class InFlight<TDecision>(TimeProvider time)
    where TDecision : WriteDecision
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<string, TDecision> _decisions = new(StringComparer.Ordinal);

    /// <summary>Takes the name for one decision, after the one before it: its event is at most some milliseconds away. False when that takes too long.</summary>
    public async ValueTask<bool> BeginAsync(string name, TDecision decision, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        while (!_decisions.TryAdd(name, decision))
        {
            if (!_decisions.TryGetValue(name, out var earlier)) continue;
            var left = Patience - time.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return false;
            await earlier.Ended.WaitAsync(left, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }

        return true;
    }

    /// <summary>Takes the name if nobody has it.</summary>
    public bool TryBegin(string name, TDecision decision) => _decisions.TryAdd(name, decision);

    /// <summary>The decision under way for a name, or null.</summary>
    public TDecision? Find(string name) => _decisions.GetValueOrDefault(name);

    /// <summary>Frees the name, if it is still this decision's.</summary>
    public bool End(string name, TDecision decision)
    {
        if (!_decisions.TryRemove(new KeyValuePair<string, TDecision>(name, decision))) return false;
        decision.End();
        return true;
    }
}

using Gatehouse.Linux;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Flows;

/// <summary>
/// Ends the flows of instances that are gone, so that their next packet is a new one and reaches another. The kernel finds them by a walk through its whole
/// connection table, which takes up to tens of milliseconds when that is full: so it is done beside the changes of the maps and for all that came meanwhile at once.
/// </summary>
/// <remarks><see cref="Add"/> is safe for any thread. Holds each mark at most twice, and there are 2^20 of them.</remarks>
/// <param name="known">Marks of instances that are known: of one that came back nothing is ended.</param>
internal sealed class FlowEnds(FlowTable flows, Func<IReadOnlySet<uint>> known, TimeSpan secondSweep, TimeProvider time, ILogger log) : IDisposable
{
    /// <summary>After a walk comes a pause of so many times its length: the walks take at most a fifth of a processor however much changes.</summary>
    private const int PauseFactor = 4;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0);
    private HashSet<uint> _gone = [];

    /// <summary>The instances of these marks are gone, and the kernel's maps lead nobody there any more.</summary>
    public void Add(IReadOnlyCollection<uint> marks)
    {
        lock (_gate)
        {
            _gone.UnionWith(marks);
            if (_signal.CurrentCount == 0) _signal.Release();
        }
    }

    /// <summary>Works until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        // Entries that were on their way into the table during a walk are met by the one after it.
        HashSet<uint> again = [];
        while (true)
        {
            if (again.Count == 0) await _signal.WaitAsync(cancellation);
            var start = time.GetTimestamp();
            var first = Take();
            End([.. first.Union(again).Except(known())]);
            again = first;
            var pause = time.GetElapsedTime(start) * PauseFactor;
            await Task.Delay(pause > secondSweep ? pause : secondSweep, time, cancellation);
        }
    }

    public void Dispose() => _signal.Dispose();

    private HashSet<uint> Take()
    {
        lock (_gate)
        {
            (var taken, _gone) = (_gone, []);
            return taken;
        }
    }

    private void End(IReadOnlyCollection<uint> marks)
    {
        try
        {
            flows.DeleteByMark(marks);
        }
        catch (LinuxException fault)
        {
            log.KernelFault("ending the flows of instances that are gone", fault.Message);
        }
    }
}

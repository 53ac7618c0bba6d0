using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Linux;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Exposures;

/// <summary>
/// Tells the cluster what the kernel holds of this worker's exposures: at once when it came to hold one or has let one go, and every second while something is missing, could
/// not be said, or flows are still open. The cluster calls an exposure active, and lets a withdrawn one go, on this word alone.
/// </summary>
internal sealed class ExposureReporter(ExposureSync exposures, IObjectClient cluster, TimeProvider time, ILogger log)
{
    private const int Parallel = 16;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();

    // Bounded by the exposures of this worker: each name once.
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>There may be something to say of an exposure. Any thread.</summary>
    public void Mark(string name)
    {
        lock (_gate) _open.Add(name);
        _signal.Writer.TryWrite(true);
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var isTick = false;
        while (true)
        {
            _signal.Reader.TryRead(out _);
            await StepAsync(isTick, cancellation);
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var signal = _signal.Reader.WaitToReadAsync(pause.Token).AsTask();
            isTick = await Task.WhenAny(signal, IsIdle ? signal : Task.Delay(Pause, time, pause.Token)) != signal;
            await pause.CancelAsync();
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private bool IsIdle
    {
        get
        {
            lock (_gate) return _open.Count == 0;
        }
    }

    /// <param name="withMissing">Also what is missing: a moment later it mostly is not, and nothing had to be said.</param>
    private async Task StepAsync(bool withMissing, CancellationToken cancellation)
    {
        string[] names;
        lock (_gate) names = [.. _open];
        await System.Threading.Tasks.Parallel.ForEachAsync(
            names,
            new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellation },
            async (name, token) => await TellAsync(name, withMissing, token));
    }

    private async Task TellAsync(string name, bool withMissing, CancellationToken cancellation)
    {
        // Taken off before the look: a mark that comes during it stays.
        lock (_gate) _open.Remove(name);
        if (!await IsToldAsync(name, withMissing, cancellation))
        {
            lock (_gate) _open.Add(name);
        }
    }

    private async Task<bool> IsToldAsync(string name, bool withMissing, CancellationToken cancellation)
    {
        try
        {
            if (exposures.WordOf(name) is not { } word) return !exposures.IsCounting(name);
            var isMissing = word.Programmed is { Missing: not null };
            var isSaid = (!isMissing || withMissing) && await TrySendAsync(word, cancellation);
            return isSaid && !isMissing && !exposures.IsCounting(name);
        }
        catch (LinuxException fault)
        {
            log.KernelFault($"counting the flows of exposure {name}", fault.Message);
            return false;
        }
    }

    /// <returns>Whether it need not be sent again.</returns>
    private async Task<bool> TrySendAsync(ExposureWord word, CancellationToken cancellation)
    {
        var status = word.Of.Status! with { Programmed = word.Programmed ?? word.Of.Status!.Programmed, Flows = word.Flows ?? word.Of.Status.Flows };
        try
        {
            exposures.Note(word.Of, await cluster.UpdateStatusAsync(word.Of with { Status = status }, cancellation));
            return true;
        }
        catch (ApiUnreachableException fault)
        {
            log.ClusterUnreachable($"reporting exposure {word.Of.Metadata.Name}", fault.Message);
            return false;
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.Conflict) || fault.Is(StatusReason.NotFound) || fault.Is(StatusReason.Forbidden))
        {
            // It changed, went, or moved to another worker meanwhile: that comes as an event, and is answered then.
            return true;
        }
        catch (ApiStatusException fault)
        {
            log.ClusterRefused($"reporting exposure {word.Of.Metadata.Name}", fault.Message);
            return false;
        }
    }
}

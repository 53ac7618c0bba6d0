using System.Collections.Concurrent;
using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Exposures;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// Places gateway hosts on workers and decides on exposures: reads what changed, plans, writes statuses, removes what is withdrawn. One loop owns the state;
/// nothing is decided before everything there is has been read once, so that a restart changes nothing by itself.
/// </summary>
internal sealed partial class GatewayReconciler : IDisposable
{
    private readonly GatewayOptions _options;
    private readonly IObjectClient _local;
    private readonly ExposureRemoval _removal;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly GatewayMetrics _metrics;
    private readonly GatewayState _state;
    private readonly Agenda _later = new();
    private readonly Agenda _laterGateways = new();
    private volatile bool _complete;

    // Bounded: a feed waits while the loop is busy, and its informer then keeps the latest state of each object alone.
    private readonly Channel<Action<GatewayState>> _inbox = Channel.CreateBounded<Action<GatewayState>>(new BoundedChannelOptions(64) { SingleReader = true });

    /// <summary>Creates the reconciler; <see cref="RunAsync"/> starts it.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="local">The cluster's own API server.</param>
    /// <param name="root">Root's, where exposures declared there are removed once they are drained; null without root.</param>
    public GatewayReconciler(GatewayOptions options, IObjectClient local, IObjectClient? root, TimeProvider time, ILoggerFactory logs)
    {
        _options = options;
        _local = local;
        _removal = new ExposureRemoval(local, root);
        _time = time;
        _logs = logs;
        _log = logs.CreateLogger<GatewayReconciler>();
        _state = new GatewayState(options);
        _metrics = new GatewayMetrics(() => _state.Exposures.Count, () => _state.Ids.InUse, () => _state.DirtyGateways.Count + _state.DirtyExposures.Count);
    }

    /// <summary>The exposures as the loop knows them; for readers on other threads.</summary>
    public ExposureTable Exposures => _state.Exposures;

    /// <summary>Whether everything there is has been read once: before that nothing can be said about who has a port.</summary>
    public bool IsComplete => _complete;

    /// <summary>Takes in an exposure at once, before its watch event: the next look at its port sees it.</summary>
    public void Note(Exposure exposure) => _state.Exposures.Put(exposure);

    /// <summary>Runs until cancelled. A fault of a write is reported and the write tried again.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await using var feeds = new GatewayFeeds(_local, _time, _logs, _inbox.Writer);
        var fed = feeds.RunAsync(cancellation);
        await Task.WhenAny(fed, feeds.CompleteAsync(_inbox.Reader, _state, cancellation));
        if (fed.IsCompleted) await fed;
        _state.Ids.Resume(_state.Gateways.Hosts, _state.Exposures.All());
        _complete = true;
        while (!cancellation.IsCancellationRequested)
        {
            await StepAsync(cancellation);
            await Task.WhenAny(WaitAsync(cancellation), fed);
            if (fed.IsCompleted) await fed;
            while (_inbox.Reader.TryRead(out var change)) change(_state);
        }
    }

    /// <summary>Decides on everything that changed and writes the outcome.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        var now = _time.GetUtcNow();
        foreach (var name in _later.TakeDue(now)) _state.DirtyExposures.Add(name);
        foreach (var name in _laterGateways.TakeDue(now)) _state.DirtyGateways.Add(name);
        foreach (var name in Drain(_state.DirtyGateways)) await DecideGatewayAsync(name, cancellation);
        var writes = new List<ExposureWrite>();
        foreach (var name in Drain(_state.DirtyExposures)) await DecideExposureAsync(name, writes, cancellation);
        var failed = new ConcurrentBag<Exposure>();
        await Parallel.ForEachAsync(
            writes,
            new ParallelOptions { MaxDegreeOfParallelism = _options.ParallelWrites, CancellationToken = cancellation },
            async (write, token) =>
            {
                if (!await WriteAsync(write, token)) failed.Add(write.Exposure);
            });
        foreach (var exposure in failed) GiveBack(exposure);
    }

    /// <inheritdoc/>
    public void Dispose() => _metrics.Dispose();

    private static string[] Drain(HashSet<string> names)
    {
        string[] taken = [.. names.Order(StringComparer.Ordinal)];
        names.Clear();
        return taken;
    }

    private async Task WaitAsync(CancellationToken cancellation)
    {
        // What a step wrote concerns others: they are looked at now.
        if (_state.DirtyGateways.Count + _state.DirtyExposures.Count > 0) return;
        using var until = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var change = _inbox.Reader.WaitToReadAsync(until.Token).AsTask();
        if ((_later.Next ?? _laterGateways.Next) is not { } due)
        {
            await change;
            return;
        }

        if (_laterGateways.Next < due) due = _laterGateways.Next.Value;
        var wait = due - _time.GetUtcNow();
        await Task.WhenAny(change, Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, _time, until.Token));
        await until.CancelAsync();
    }

    private async Task DecideGatewayAsync(string name, CancellationToken cancellation)
    {
        if (_state.Gateways.Find(name) is not { } host) return;
        var status = GatewayPlan.Decide(host, _state.Workers, _state.Gateways, _time.GetUtcNow());
        if (GatewayState.Same(status, host.Status)) return;
        if (await PutStatusAsync(host with { Status = status }, cancellation) is not { } stored) return;
        if (status.Takeovers > (host.Status?.Takeovers ?? 0))
        {
            _metrics.Takeover(name);
            LogTakeover(name, status.LastTakeover);
        }
        else if (status.Phase == GatewayHostPhase.NoWorker)
        {
            _metrics.Unplaced(name);
            LogUnplaced(name, status.Message);
        }

        _state.OnGateway(name, stored);
    }

    private async Task DecideExposureAsync(string name, List<ExposureWrite> writes, CancellationToken cancellation)
    {
        if (_state.Exposures.Find(name) is not { } exposure) return;
        var decision = ExposurePlan.Decide(exposure, _state.Around(exposure, _time.GetUtcNow()));
        if (decision.RecheckAt is { } at) _later.Add(name, at);
        if (decision.Ask) await AskAsync(exposure.Spec.ServiceAddress, decision.Status.Worker!, cancellation);
        var status = decision.Status;
        if (decision.NeedsId) status = status with { Id = await TakeIdAsync(exposure.Spec.Gateway, cancellation) };
        if (decision.NeedsId && status.Id is null) _later.Add(name, _time.GetUtcNow() + _options.RetryDelay);
        else if (!GatewayState.Same(status, exposure.Status) || decision.Remove) writes.Add(new ExposureWrite(exposure with { Status = status }, decision.Remove));
    }

    /// <summary>
    /// Asks for an address that this cluster does not know, as the worker itself would with the first packet: the answer may come from another cluster by way of root.
    /// </summary>
    private async Task AskAsync(string address, string worker, CancellationToken cancellation)
    {
        var name = Interest.NameFor(worker, address);
        if (_state.IsAsked(name)) return;
        try
        {
            await _local.CreateAsync(
                new Interest
                {
                    ApiVersion = Interest.Info.ApiVersion,
                    Kind = Interest.Info.Kind,
                    Metadata = new ObjectMeta { Name = name },
                    Spec = new InterestSpec { Holder = worker, Query = Interest.Canonical(address), RenewedAt = _time.GetUtcNow() },
                },
                cancellation);
        }
        catch (ApiStatusException e)
        {
            if (!e.Is(StatusReason.AlreadyExists)) FailedWrite("interest", name, e);
        }
    }

    private async Task<int?> TakeIdAsync(string gateway, CancellationToken cancellation)
    {
        if (_state.Ids.Take() is { } id) return id;
        if (_state.Ids.SequenceFor(1) is not { } sequence || _state.Gateways.Find(gateway) is not { Status: { } status } host) return null;
        if (await PutStatusAsync(host with { Status = status with { ExposureSequence = sequence } }, cancellation) is not { } stored) return null;
        _state.Gateways.Put(stored);
        _state.Ids.SetAside(sequence);
        return _state.Ids.Take();
    }

    private async Task<GatewayHost?> PutStatusAsync(GatewayHost host, CancellationToken cancellation)
    {
        try
        {
            return await _local.UpdateStatusAsync(host, cancellation);
        }
        catch (ApiStatusException e)
        {
            // Somebody else wrote: the event brings the new state and with it another decision.
            if (e.Is(StatusReason.Conflict) || e.Is(StatusReason.NotFound)) return null;
            _laterGateways.Add(host.Metadata.Name, _time.GetUtcNow() + _options.RetryDelay);
            FailedWrite("gateway", host.Metadata.Name, e);
            return null;
        }
    }

    /// <summary>An identifier that was never written is nobody's.</summary>
    private void GiveBack(Exposure exposure)
    {
        if (exposure.Status?.Id is { } id && _state.Exposures.Find(exposure.Metadata.Name)?.Status?.Id != id) _state.Ids.Release(id);
    }

    private async Task<bool> WriteAsync(ExposureWrite write, CancellationToken cancellation)
    {
        var exposure = write.Exposure;
        try
        {
            var stored = GatewayState.Same(exposure.Status, _state.Exposures.Find(exposure.Metadata.Name)?.Status)
                ? exposure
                : await _local.UpdateStatusAsync(exposure, cancellation);
            _state.Exposures.Put(stored);
            if (exposure.Status!.Phase == ExposurePhase.Refused) Refused(exposure);
            if (write.Remove) await _removal.RemoveAsync(stored, cancellation);
            return true;
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Conflict) || e.Is(StatusReason.NotFound))
        {
            // As above.
            return false;
        }
        catch (Exception e) when (e is ApiStatusException or ApiUnreachableException)
        {
            _later.Add(exposure.Metadata.Name, _time.GetUtcNow() + _options.RetryDelay);
            FailedWrite("exposure", exposure.Metadata.Name, e);
            return false;
        }
    }

    private void Refused(Exposure exposure)
    {
        _metrics.Refused();
        LogRefused(exposure.Metadata.Name, exposure.Status!.Message);
    }

    private void FailedWrite(string kind, string name, Exception fault)
    {
        _metrics.FailedWrite();
        LogFailedWrite(kind, name, fault.Message);
    }

    /// <summary>A status to write, and whether the object goes then.</summary>
    private sealed record ExposureWrite(Exposure Exposure, bool Remove);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Gateway {Gateway}: {Takeover}.")]
    private partial void LogTakeover(string gateway, string? takeover);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Gateway {Gateway}: {Reason}.")]
    private partial void LogUnplaced(string gateway, string? reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Exposure {Exposure} is refused: {Reason}.")]
    private partial void LogRefused(string exposure, string? reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Writing {Kind} {Name} failed and is tried again: {Reason}.")]
    private partial void LogFailedWrite(string kind, string name, string reason);
}

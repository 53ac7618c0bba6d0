using System.Collections.Concurrent;
using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Linux;
using Gatehouse.Linux.Processes;
using Gatehouse.Node.Flows;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Instances;

/// <summary>
/// Brings the instances of this worker to what their objects say, and their objects to what is here. Looks at an instance when its object changed, when its process ended,
/// and every now and then while something is under way.
/// </summary>
internal sealed class InstanceReconciler(
    InstanceHost host, IInformer<FabricInstance> objects, IObjectClient cluster, InstancePrograms programs, FlowTable flows, NodeStateFile file, NodeOptions options, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Drain> _draining = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _watched = new(StringComparer.Ordinal);

    // One signal says as much as many: what it asks for is a look at everything.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Something changed: look again, soon.</summary>
    public void Wake() => _signal.Writer.TryWrite(true);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var follow = FollowAsync(cancellation);
        while (true)
        {
            _signal.Reader.TryRead(out _);
            var settled = await StepAsync(cancellation);
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await await Task.WhenAny(_signal.Reader.WaitToReadAsync(pause.Token).AsTask(), Task.Delay(settled ? Rest : Pause, time, pause.Token), follow);
            await pause.CancelAsync();
        }
    }

    /// <summary>One look at every instance.</summary>
    /// <returns>Whether nothing is under way.</returns>
    public async Task<bool> StepAsync(CancellationToken cancellation)
    {
        var settled = await WithdrawAsync(cancellation);
        var wanted = objects.Snapshot.Values.ToDictionary(o => o.Metadata.Name, StringComparer.Ordinal);
        var open = flows.OpenTo([.. host.Attached.Values.Where(i => _draining.ContainsKey(i.Name))]);
        foreach (var name in wanted.Keys.Union(host.Attached.Keys).ToArray())
        {
            settled &= await LookAsync(name, wanted.GetValueOrDefault(name), open.TryGetValue(name, out var count) ? count : null, cancellation);
        }

        return settled;
    }

    /// <summary>Ends an instance at once, as its node engine asks.</summary>
    public async Task EndAsync(string name, string why, CancellationToken cancellation)
    {
        if (host.Attached.TryGetValue(name, out var attached)) await EndAsync(attached, why, cancellation);
    }

    /// <summary>Ends an instance at once and for good: an object that this worker made of it goes too, as soon as the cluster can be told.</summary>
    public async Task DetachAsync(string name, string why, CancellationToken cancellation)
    {
        if (!host.Attached.TryGetValue(name, out var attached)) return;
        if (attached.Brought) file.Update(s => s with { Leaving = [.. s.Leaving.Append(name).TakeLast(NodeState.MostLeaving)] });
        await EndAsync(attached, why, cancellation);
        await WithdrawAsync(cancellation);
    }

    /// <summary>Asks the cluster to take out the objects of instances that left.</summary>
    /// <returns>Whether none is left to be told of.</returns>
    private async Task<bool> WithdrawAsync(CancellationToken cancellation)
    {
        foreach (var name in file.State.Leaving.Where(n => !host.Attached.ContainsKey(n)).ToArray())
        {
            try
            {
                await UndeployAsync(name, cancellation);
                file.Update(s => s with { Leaving = [.. s.Leaving.Where(n => n != name)] });
            }
            catch (ApiUnreachableException fault)
            {
                log.ClusterUnreachable($"undeploying {name}", fault.Message);
                return false;
            }
            catch (ApiStatusException fault)
            {
                log.ClusterRefused($"undeploying {name}", fault.Message);
                return false;
            }
        }

        return true;
    }

    private async Task UndeployAsync(string name, CancellationToken cancellation)
    {
        try
        {
            if (await cluster.GetAsync<FabricInstance>(name, cancellation) is { Spec.Undeploy: false } now && now.Spec.Worker == options.Name)
                await cluster.UpdateAsync(now with { Spec = now.Spec with { Undeploy = true } }, cancellation);
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.Forbidden) || fault.Is(StatusReason.NotFound))
        {
            // Gone, which a worker is not told in so many words.
        }
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        await foreach (var _ in objects.ChangeBatchesAsync(1_024, cancellation)) Wake();
    }

    private async Task<bool> LookAsync(string name, FabricInstance? wanted, int? open, CancellationToken cancellation)
    {
        var attached = host.Attached.GetValueOrDefault(name);
        if (attached is { Pid: > 0 }) Watch(attached, cancellation);
        DateTimeOffset? since = _draining.TryGetValue(name, out var drain) ? drain.Since : null;
        var view = new InstanceView(wanted, objects.SyncedAt is not null, attached, attached is null || IsAlive(attached), since, open)
        {
            IsReady = attached is not { Pid: > 0 } || wanted?.Spec.Process?.ReadyPort is not { } port || ListenTable.Has(attached.Pid, port),
            Reachable = attached is null ? null : host.ReachableOf(attached),
        };
        var decision = InstancePlan.Decide(view, options, time.GetUtcNow());
        try
        {
            await ActAsync(decision, name, view, cancellation);
            return decision.Step == InstanceStep.None;
        }
        catch (ApiUnreachableException fault)
        {
            log.ClusterUnreachable($"reporting {name}", fault.Message);
        }
        catch (ApiStatusException fault)
        {
            log.ClusterRefused($"reporting {name}", fault.Message);
        }
        catch (Exception fault) when (fault is LinuxException or AttachRefusedException)
        {
            log.InstanceFault(name, decision.Step.ToString(), fault.Message);
            if (decision.Step == InstanceStep.Start) await TryReportAsync(name, s => s with { Message = fault.Message }, cancellation);
        }

        return false;
    }

    private Task ActAsync(InstanceDecision decision, string name, InstanceView view, CancellationToken cancellation) => decision.Step switch
    {
        InstanceStep.Start => StartAsync(view.Object!, cancellation),
        InstanceStep.Declare => DeclareAsync(view.Attached!, cancellation),
        InstanceStep.Adopt => AdoptAsync(view.Object!, view.Attached!, cancellation),
        InstanceStep.BeginDrain => BeginDrainAsync(name, decision.Why, cancellation),
        InstanceStep.Wait when view is { DrainingSince: not null, Flows: { } open } => TellFlowsAsync(name, open, cancellation),
        InstanceStep.End => EndAsync(view.Attached!, decision.Why, cancellation),
        InstanceStep.ReportDead => ReportAsync(name, s => Dead(s, decision.Why), cancellation),
        _ => Task.CompletedTask,
    };

    private async Task StartAsync(FabricInstance wanted, CancellationToken cancellation)
    {
        await programs.StartAsync(wanted, host, cancellation);
        Wake();
    }

    private async Task DeclareAsync(AttachedInstance attached, CancellationToken cancellation)
    {
        try
        {
            await cluster.CreateAsync(
                new FabricInstance
                {
                    ApiVersion = FabricInstance.Info.ApiVersion,
                    Kind = FabricInstance.Info.Kind,
                    Metadata = new() { Name = attached.Name },
                    Spec = new() { Service = attached.Service, Number = attached.Number, Worker = options.Name, PortMappings = attached.PortMappings },
                },
                cancellation);
            await host.SetAsync(attached.Name, i => i with { Brought = true });
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.AlreadyExists))
        {
            // Declared above, and waiting for whoever brings it: that is this worker.
            if (await cluster.GetAsync<FabricInstance>(attached.Name, cancellation) is { Spec.Worker: null } waiting)
                await cluster.UpdateAsync(waiting with { Spec = waiting.Spec with { Worker = options.Name } }, cancellation);
        }
    }

    private async Task AdoptAsync(FabricInstance wanted, AttachedInstance attached, CancellationToken cancellation)
    {
        await host.SetAsync(attached.Name, i => i with
        {
            Declared = true,
            Address = wanted.Status?.Instance ?? i.Address,
            PortMappings = i.PortMappings ?? wanted.Spec.PortMappings,
        });
        await ReportAsync(
            attached.Name,
            s => s with { Phase = InstancePhase.Running, NamespaceAddress = host.ReachableOf(attached), Message = null },
            cancellation);
    }

    private async Task BeginDrainAsync(string name, string why, CancellationToken cancellation)
    {
        // The clock starts with the report: before it no other worker's maps change.
        await ReportAsync(name, s => s.Phase == InstancePhase.Dead ? s : s with { Phase = InstancePhase.Draining, Message = why }, cancellation);
        _draining[name] = new(time.GetUtcNow(), null);
        Wake();
    }

    // For people: the cluster goes by the instance's end, which comes with its last flow.
    private async Task TellFlowsAsync(string name, int open, CancellationToken cancellation)
    {
        if (!_draining.TryGetValue(name, out var drain) || drain.Told == open) return;
        await ReportAsync(name, s => s.Phase == InstancePhase.Draining ? s with { Load = open } : s, cancellation);
        _draining[name] = drain with { Told = open };
    }

    /// <summary>Out of this worker's maps and devices first: that needs nobody. The report follows, and is made again until it arrives.</summary>
    private async Task EndAsync(AttachedInstance attached, string why, CancellationToken cancellation)
    {
        log.InstanceEnds(attached.Name, why);
        if (attached.Owned && IsAlive(attached) && attached.Pid > 0) await OwnedProcesses.StopAsync(attached with { NamespaceName = null }, options.Limits.Stop, time);
        await host.DetachAsync(attached.Name);
        if (attached.Owned) await OwnedProcesses.StopAsync(attached, options.Limits.Stop, time);
        _draining.TryRemove(attached.Name, out _);
        _watched.TryRemove(attached.Name, out _);
        await ReportAsync(attached.Name, s => Dead(s, why), cancellation);
    }

    private static FabricInstanceStatus Dead(FabricInstanceStatus status, string why) =>
        status with { Phase = InstancePhase.Dead, NamespaceAddress = null, Load = null, Message = why };

    private static bool IsAlive(AttachedInstance attached) => attached.Pid > 0
        ? new ProcessIdentity(attached.Pid, attached.StartTime).IsAlive
        : attached.NamespaceName is not { } name || NetworkNamespace.Exists(name);

    private void Watch(AttachedInstance attached, CancellationToken cancellation) =>
        _ = _watched.GetOrAdd(attached.Name, static (_, state) => state.Self.WatchAsync(state.Attached, state.Cancellation), (Self: this, Attached: attached, Cancellation: cancellation));

    private async Task WatchAsync(AttachedInstance attached, CancellationToken cancellation)
    {
        try
        {
            await new ProcessIdentity(attached.Pid, attached.StartTime).WaitForExitAsync(cancellation);
            Wake();
        }
        catch (OperationCanceledException)
        {
            // The role ends; the process goes on.
        }
    }

    private async Task TryReportAsync(string name, Func<FabricInstanceStatus, FabricInstanceStatus> change, CancellationToken cancellation)
    {
        try
        {
            await ReportAsync(name, change, cancellation);
        }
        catch (Exception fault) when (fault is ApiUnreachableException or ApiStatusException)
        {
            log.ClusterRefused($"reporting {name}", fault.Message);
        }
    }

    /// <summary>Writes a status on top of whatever it is now.</summary>
    private async Task ReportAsync(string name, Func<FabricInstanceStatus, FabricInstanceStatus> change, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (await cluster.GetAsync<FabricInstance>(name, cancellation) is not { } now || now.Spec.Worker != options.Name) return;
                var status = change(now.Status ?? new());
                if (status == now.Status) return;
                await cluster.UpdateStatusAsync(now with { Status = status }, cancellation);
                return;
            }
            catch (ApiStatusException fault) when (fault.Is(StatusReason.Conflict) && attempt < 5)
            {
                // Somebody wrote meanwhile: once more on top of that.
            }
            catch (ApiStatusException fault) when (fault.Is(StatusReason.Forbidden) || fault.Is(StatusReason.NotFound))
            {
                return; // Gone, which a worker is not told in so many words.
            }
        }
    }

    /// <param name="Told">The flows that the cluster was told of last.</param>
    private sealed record Drain(DateTimeOffset Since, int? Told);
}

using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Instances;

/// <summary>Brings root's instances down, places them, brings their state up, and takes undeployed ones out in order.</summary>
internal sealed class InstanceReconciler(ClusterOptions options, ClusterState state, TimeProvider time) : IDisposable
{
    private const int MaxActs = 16;
    private readonly SemaphoreSlim _placing = new(1, 1);

    /// <summary>One instance.</summary>
    public async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        // Each act changes the situation; a handful of them bring an instance from nothing to rest.
        for (var i = 0; i < MaxActs; i++)
        {
            var act = InstancePlan.Decide(Situation(name), options);
            if (act is InstanceAct.Rest rest) return rest.Until;
            if (!await ApplyAsync(name, act, cancellation)) return null;
        }

        return time.GetUtcNow() + TimeSpan.FromSeconds(1);
    }

    /// <inheritdoc/>
    public void Dispose() => _placing.Dispose();

    private InstanceSituation Situation(string name)
    {
        var here = state.Feeds.Instances.Find(name);
        var mirror = state.Upstream?.Instances;
        var worker = here?.Spec.Worker is { } w ? state.Feeds.Workers.Find(w) : null;
        var isTold = here is null || !InstancePlan.IsLeaving(here) || state.Interests.IsTold(state.Table.QueriesOf(here.Spec.Service));
        var countsLoad = here is not null && state.Table.Find(here.Spec.Service)?.Addresses.Any(a => a.Policy == BalancingPolicy.LeastLoaded) == true;
        return new InstanceSituation(here, mirror?.Find(name), mirror?.IsConfirmed ?? false, mirror is not null, worker, isTold, countsLoad, time.GetUtcNow());
    }

    /// <summary>Does one act. False: its effect comes as an event, and the plan is made anew then.</summary>
    private async Task<bool> ApplyAsync(string name, InstanceAct act, CancellationToken cancellation)
    {
        var (feed, local) = (state.Feeds.Instances, state.Local);
        switch (act)
        {
            case InstanceAct.CopyDown copy:
                feed.Observe(await local.CreateAsync(CopyOf(copy.AtRoot), cancellation));
                return true;
            case InstanceAct.Upload upload:
                return await UploadAsync(upload.Here, cancellation);
            case InstanceAct.Change change:
                feed.Observe(await local.UpdateAsync(change.Next, cancellation));
                return true;
            case InstanceAct.Report report:
                feed.Observe(await local.UpdateStatusAsync(report.Here with { Status = report.Status }, cancellation));
                return true;
            case InstanceAct.Schedule schedule:
                return await PlaceAsync(schedule.Here, cancellation);
            case InstanceAct.TellWorker tell:
                var placed = tell.AtRoot with { Spec = tell.AtRoot.Spec with { Worker = tell.Worker } };
                state.Upstream!.Instances.Note(await state.Upstream.Root.UpdateAsync(placed, cancellation));
                return true;
            case InstanceAct.TellStatus tell:
                state.Upstream!.Instances.Note(await state.Upstream.Root.UpdateStatusAsync(tell.AtRoot with { Status = tell.Status }, cancellation));
                return true;
            default:
                await RemoveAsync(name, (InstanceAct.Remove)act, cancellation);
                return false;
        }
    }

    private static FabricInstance CopyOf(FabricInstance atRoot) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = atRoot.Metadata.Name,
            Labels = atRoot.Metadata.Labels,
            Annotations = new Dictionary<string, string> { [InstancePlan.UpstreamUid] = atRoot.Metadata.Uid! },
        },
        Spec = atRoot.Spec,
    };

    private async Task<bool> UploadAsync(FabricInstance here, CancellationToken cancellation)
    {
        var wanted = new FabricInstance
        {
            Metadata = new ObjectMeta { Name = here.Metadata.Name, Labels = here.Metadata.Labels },
            Spec = here.Spec with { Cluster = options.Name },
        };
        try
        {
            state.Upstream!.Instances.Note(await state.Upstream.Root.CreateAsync(wanted, cancellation));
            return true;
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            return await RecogniseAsync(here, cancellation);
        }
        catch (ApiStatusException e) when (!e.Is(StatusReason.Conflict))
        {
            await ExplainAsync(here, $"root does not take it: {e.Message}", cancellation);
            throw;
        }
        catch (ApiUnreachableException)
        {
            await ExplainAsync(here, "waits for root, which is away, to give it an instance address", cancellation);
            throw;
        }
    }

    // Root has one of this name: ours from before a crash, which the mirror is about to show, or another cluster's, which it never will.
    private async Task<bool> RecogniseAsync(FabricInstance here, CancellationToken cancellation)
    {
        try
        {
            var held = await state.Upstream!.Root.GetAsync<FabricInstance>(here.Metadata.Name, cancellation);
            if (held is not null) state.Upstream.Instances.Note(held);
            return held is not null;
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Forbidden))
        {
            await ExplainAsync(here, "root has an instance of this name in another cluster: choose another number", cancellation);
            throw;
        }
    }

    // One at a time: two instances that look for a worker at once would both take the emptiest.
    private async Task<bool> PlaceAsync(FabricInstance here, CancellationToken cancellation)
    {
        await _placing.WaitAsync(cancellation);
        try
        {
            List<Candidate> candidates = [];
            foreach (var worker in state.Feeds.Workers.All)
            {
                var (all, ofService) = state.InstanceIndex.CountOf(worker.Metadata.Name, here.Spec.Service);
                candidates.Add(new Candidate(worker, all, ofService));
            }

            var (chosen, why) = SchedulePlan.Choose(candidates);
            if (chosen is null)
            {
                await ExplainAsync(here, why!, cancellation);
                return false;
            }

            state.Feeds.Instances.Observe(await state.Local.UpdateAsync(here with { Spec = here.Spec with { Worker = chosen } }, cancellation));
            return true;
        }
        finally
        {
            _placing.Release();
        }
    }

    private async Task ExplainAsync(FabricInstance here, string message, CancellationToken cancellation)
    {
        var status = here.Status ?? new FabricInstanceStatus();
        if (status.Message == message) return;
        state.Feeds.Instances.Observe(await state.Local.UpdateStatusAsync(here with { Status = status with { Message = message } }, cancellation));
    }

    private async Task RemoveAsync(string name, InstanceAct.Remove remove, CancellationToken cancellation)
    {
        try
        {
            if (remove.AtRoot)
            {
                await state.Upstream!.Root.DeleteAsync<FabricInstance>(name, null, cancellation);
                state.Upstream.Instances.NoteGone(name);
            }
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Forbidden))
        {
            // Root has nothing of that name that is ours: it was freed before, and what came after that failed.
        }
        catch (ApiUnreachableException) when (remove.Here is { Spec.Worker: not null } here)
        {
            // Root hears of it later; the worker lets go of it now.
            var released = here with { Spec = here.Spec with { Worker = null, Undeploy = true } };
            var stored = state.Feeds.Instances.Observe(await state.Local.UpdateAsync(released, cancellation));
            await ExplainAsync(stored, "undeployed; waits for root, which is away, to free its address", cancellation);
            throw;
        }

        if (remove.Here is not { } last) return;
        var finalizers = last.Metadata.Finalizers?.Where(f => f != FabricInstance.UndeployFinalizer).ToList();
        var current = last.Metadata.Finalizers is { } all && all.Contains(FabricInstance.UndeployFinalizer)
            ? await state.Local.UpdateAsync(last with { Metadata = last.Metadata with { Finalizers = finalizers } }, cancellation)
            : last;
        if (current.Metadata.DeletionTimestamp is null) await state.Local.DeleteAsync<FabricInstance>(name, new DeletePreconditions(current.Metadata.Uid), cancellation);
    }
}

using System.Threading.Channels;
using Gatehouse.Linux;
using Gatehouse.Node.Closest;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node;

/// <summary>What runs once packets pass.</summary>
public sealed partial class NodeRole
{
    // One signal says as much as many: there are exposures whose address may not be resolved.
    private readonly Channel<bool> _resolve = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Who tells whom.</summary>
    private void Connect()
    {
        _path.InstancesGone = _flowEnds.Add;
        _services.Closest = (service, places) => _distances.Choose(service, places, OwnPlaceOf(places));
        _services.IsPresent = IsPresent;
        _services.Changed = _exposures.RefreshAsync;
        _exposures.Told = _reporter.Mark;
        _instances.Changed = instance => _services.RefreshAsync(s => s.Name == instance.Service);
        _metrics.Observe("gatehouse.node.table.elements", "{element}", "Elements that the tables hold.", () => _path.Count);
        _metrics.Observe("gatehouse.node.interests", "{interest}", "Interests that are held.", () => _interests.Count);
        _metrics.Observe("gatehouse.node.peers", "{peer}", "Peers that can be reached.", () => _peers.Peers.Count);
        _metrics.Observe("gatehouse.node.instances", "{instance}", "Instances that are attached.", () => _instances.Attached.Count);
    }

    /// <summary>Own instances are present while they are attached, whatever the cluster still says; those elsewhere are its to know.</summary>
    private bool IsPresent(System.Net.IPAddress space)
    {
        if (_instances.Addresses is not { } own || !(own.Subnetwork4.Contains(space) || own.Subnetwork6.Contains(space))) return true;
        return _instances.Wants(space);
    }

    private string? OwnPlaceOf(IReadOnlyList<string> places) =>
        places.FirstOrDefault(p => p.EndsWith($".{_options.Name}", StringComparison.Ordinal) && !_peers.Peers.ContainsKey(p));

    private async Task ReconcileInstancesAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        await _reconciler.RunAsync(cancellation);
    }

    private Task SurveyAsync(CancellationToken cancellation) =>
        EveryAsync(_options.Limits.Survey, "surveying flows", () => _survey.StepAsync(cancellation), cancellation);

    private async Task MeasureAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        using var probe = DistanceProbe.Open(_options.Namespace, _addresses!.Bridge4, Random.Shared);
        var loop = new ClosestLoop(_distances, probe, _services, _peers, _options, _time);
        await EveryAsync(_options.Limits.Probe, "measuring distances", () => loop.StepAsync(cancellation), cancellation);
    }

    private async Task FollowExposuresAsync(MirrorReader<Exposure> exposures, CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        await foreach (var batch in exposures.ChangesAsync(1_024, cancellation))
        {
            await Task.WhenAll(batch.Select(_exposures.TakeAsync));
            _resolve.Writer.TryWrite(true);
        }
    }

    private async Task ReportExposuresAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        await _reporter.RunAsync(cancellation);
    }

    /// <summary>Asks for the addresses that exposures lead to. One that nobody answers holds no other up, and is asked for again a while later.</summary>
    private async Task ResolveExposuresAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        var asking = new List<Task>();
        while (true)
        {
            _resolve.Reader.TryRead(out _);
            asking.AddRange(_exposures.BeginResolving(cancellation));
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAny(_resolve.Reader.WaitToReadAsync(pause.Token).AsTask(), Task.Delay(_options.Limits.Survey, _time, pause.Token));
            await pause.CancelAsync();
            foreach (var done in asking.Where(t => t.IsCompleted)) await done;
            asking.RemoveAll(t => t.IsCompleted);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private async Task EveryAsync(TimeSpan pause, string act, Func<Task> step, CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        while (true)
        {
            try
            {
                await AtCluster(act, step);
            }
            catch (LinuxException fault)
            {
                _log.KernelFault(act, fault.Message);
            }

            await Task.Delay(pause, _time, cancellation);
        }
    }
}

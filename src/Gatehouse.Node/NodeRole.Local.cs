using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Node.Doctor;
using Gatehouse.Node.Instances;
using Gatehouse.Node.LocalApi;
using Gatehouse.Node.Trace;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node;

/// <summary>What the local API asks of the role.</summary>
public sealed partial class NodeRole
{
    /// <summary>The node engine that is registered; null when none is. On disk: an engine registers at its own start alone.</summary>
    internal string? Client => _file.State.Client;

    /// <summary>Registers a node engine.</summary>
    /// <returns>Null, or the other one that is registered.</returns>
    internal string? Register(string client)
    {
        if (Client is { } there) return there == client ? null : there;
        _file.Update(s => s with { Client = client });
        return null;
    }

    internal AddressPair? AddressOf(string instance) => _mirrors.Instances.Snapshot.GetValueOrDefault(instance)?.Status?.Instance;

    internal Task EndAsync(string instance, string why, CancellationToken cancellation) =>
        AtCluster($"reporting the end of {instance}", () => _reconciler.EndAsync(instance, why, cancellation));

    internal Task DetachAsync(string instance, string why, CancellationToken cancellation) =>
        AtCluster($"reporting the end of {instance}", () => _reconciler.DetachAsync(instance, why, cancellation));

    /// <summary>Whether the cluster is still taking out an earlier instance of that name, as far as is known here.</summary>
    internal bool IsLeaving(string instance) => _mirrors.Instances.Snapshot.GetValueOrDefault(instance) is { } there && InstancePlan.IsUndeployed(there);

    /// <summary>The same by the cluster's own word, when it gives one in time.</summary>
    internal async Task<bool> IsLeavingAsync(string instance, TimeSpan patience, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            return await _cluster.GetAsync<FabricInstance>(instance, either.Token) is { } there && InstancePlan.IsUndeployed(there);
        }
        catch (Exception e) when (e is ApiUnreachableException or ApiStatusException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            // Away, or it has none of this worker: what is known here counts.
            return IsLeaving(instance);
        }
    }

    /// <summary>Waits until the cluster says which instance address an instance has, or why it has none.</summary>
    /// <returns>Null: it said neither in that time.</returns>
    internal async Task<FabricInstanceStatus?> ToldAsync(string instance, TimeSpan patience, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await foreach (var change in _mirrors.Instances.ChangesAsync(either.Token))
            {
                if (change is { Type: not ObjectEventType.Deleted, Object: { Status: { } status } told } && told.Metadata.Name == instance && (status.Instance is not null || !string.IsNullOrEmpty(status.Message))) return status;
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // Not in time: the caller says so.
        }

        return null;
    }

    internal StatusAnswer Status() => new(
        _options.Name, Client, _addresses?.Subnetwork4.ToString(), _addresses?.Subnetwork6.ToString(), _peers.Peers.Count, _services.All.Count, _interests.Count, _path.Count,
        _slowPath?.Waiting ?? 0, _mirrors.Worker.SyncedAt is not null);

    internal IReadOnlyList<Finding> Examine()
    {
        var devices = new DeviceSettings(_devices is null ? [] : [$"{_options.DevicePrefix}tun", $"{_options.DevicePrefix}vx"]);
        return Examination.Examine(
            HostFacts.Read(_options, devices, _flows.Usage(), _devices?.UnderlayMtu, _cluster.ClockOffset ?? _interests.ClockOffset, _addresses is not null), _options);
    }

    internal TraceReport Trace(IPAddress source, IPAddress destination, ushort port) =>
        new Tracer(_services, _exposures, _instances, _peers, _path, _flows, _options).Explain(source, destination, port);

    /// <summary>Serves the local API until cancelled.</summary>
    private async Task ServeLocallyAsync(CancellationToken cancellation)
    {
        await using var server = await LocalApiServer.StartAsync(_options.SocketPath!, this, cancellation);
        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
    }
}

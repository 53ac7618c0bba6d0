using System.Threading.Channels;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Api.Client;

namespace Gatehouse.Node;

/// <summary>The worker's object and life sign at its cluster, and the subnetwork that comes of them.</summary>
public sealed partial class NodeRole
{
    // One signal says as much as many: the cluster's object of this worker says something else than this worker.
    private readonly Channel<bool> _altered = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private DateTimeOffset? _leasedSince;
    private volatile bool _registered;

    /// <summary>What this worker alone knows.</summary>
    private WorkerSpec Facts => new()
    {
        Underlay = _options.Underlay.ToString(),
        TunnelPort = _options.TunnelPort,
        PublicAddresses = [.. _options.PublicAddresses.Select(a => a.ToString())],
        Gateway = _options.Gateway,
        RunsProcesses = _options.RunsProcesses,
    };

    private async Task RegisterAsync(CancellationToken cancellation)
    {
        var pause = _options.Limits.Lease / 3;
        while (true)
        {
            await AtCluster("registering", async () =>
            {
                if (!_registered || IsForgotten) await PutWorkerAsync(cancellation);
                _registered = true;
                await RenewLeaseAsync(cancellation);
            });
            if (IsAltered) _altered.Writer.TryWrite(true);
            // After an outage the sign of life goes out with the first answer that anybody here gets.
            await (_cluster.Contact?.WaitAsync(pause, _time, cancellation) ?? Task.Delay(pause, _time, cancellation));
        }
    }

    /// <summary>The cluster lost this worker, with its store for example.</summary>
    private bool IsForgotten => _mirrors.Worker is { SyncedAt: not null, Snapshot.Count: 0 };

    /// <summary>Somebody wrote what this worker alone knows: others would send its packets elsewhere.</summary>
    private bool IsAltered => _registered && _mirrors.Worker is { SyncedAt: not null, Snapshot: var known } && known.Values.Any(w => !Same(w.Spec, Facts));

    /// <summary>Puts this worker's facts back, once a second at most: should another worker of this name do the same, neither floods the cluster.</summary>
    private async Task KeepFactsAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _altered.Reader.ReadAsync(cancellation);
            if (IsAltered)
            {
                _log.FactsAltered();
                await AtCluster("putting this worker's facts back", () => PutWorkerAsync(cancellation));
            }

            await Task.Delay(RepairDelay, _time, cancellation);
        }
    }

    private static bool Same(WorkerSpec a, WorkerSpec b) =>
        a.PublicAddresses.SequenceEqual(b.PublicAddresses, StringComparer.Ordinal) && (a with { PublicAddresses = [] }) == (b with { PublicAddresses = [] });

    private async Task PutWorkerAsync(CancellationToken cancellation)
    {
        var spec = Facts;
        var there = await _cluster.GetAsync<Worker>(_options.Name, cancellation);
        if (there is null)
        {
            await _cluster.CreateAsync(
                new Worker { ApiVersion = Worker.Info.ApiVersion, Kind = Worker.Info.Kind, Metadata = new() { Name = _options.Name }, Spec = spec }, cancellation);
        }
        else
        {
            await _cluster.UpdateAsync(there with { Spec = spec }, cancellation);
        }
    }

    /// <summary>One write, on top of whatever is there: nobody else writes this lease.</summary>
    private async Task RenewLeaseAsync(CancellationToken cancellation)
    {
        var now = _time.GetUtcNow();
        _leasedSince ??= now;
        var lease = new Lease
        {
            ApiVersion = Lease.Info.ApiVersion,
            Kind = Lease.Info.Kind,
            Metadata = new() { Name = _options.Name, Namespace = Worker.LeaseNamespace },
            Spec = new()
            {
                HolderIdentity = _options.Name,
                AcquireTime = _leasedSince,
                RenewTime = now,
                LeaseDurationSeconds = (int)Math.Ceiling(_options.Limits.Lease.TotalSeconds),
            },
        };
        try
        {
            await _cluster.UpdateAsync(lease, cancellation);
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.NotFound))
        {
            await _cluster.CreateAsync(lease, cancellation);
        }
    }

    /// <summary>Takes in the subnetwork when root has leased one; it stays for life unless root gives another.</summary>
    private async Task FollowWorkerAsync(CancellationToken cancellation)
    {
        await foreach (var change in _mirrors.Worker.ChangesAsync(cancellation))
        {
            if (IsAltered) _altered.Writer.TryWrite(true);
            if (change.Type == ObjectEventType.Deleted || change.Object?.Status?.Subnetwork is not { } range || range == _file.State.Subnetwork) continue;
            if (_file.State.Subnetwork is { } former) _log.SubnetworkChanged(former.Ipv4, range.Ipv4);
            await BringUpAsync(range);
            _file.Update(s => s with { Subnetwork = range });
        }
    }
}

using System.Globalization;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using ClusterObject = Gatehouse.Objects.Kinds.Cluster;

namespace Gatehouse.Cluster.Upstream;

/// <summary>Keeps this cluster's object and lease at root, and notices when root comes back.</summary>
internal sealed class ClusterPresence(ClusterOptions options, IObjectClient root, Func<int> readyWorkers, TimeProvider time)
{
    private readonly ObjectKey _leaseKey = new(ClusterObject.LeaseNamespace, options.Name);
    private Lease? _lease;
    private ClusterObject? _self;
    private bool _away = true;

    /// <summary>Called when root answers after it did not.</summary>
    public Action OnReturn { get; set; } = static () => { };

    /// <summary>Renews until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var pause = options.ClusterLease / 3;
            try
            {
                await StepAsync(cancellation);
            }
            catch (Exception e) when (e is ApiUnreachableException or ApiStatusException)
            {
                // What was read may be stale after a refusal; begin anew. The mirrors report the fault.
                (_lease, _self) = (null, null);
                _away |= e is ApiUnreachableException;
                pause = pause < options.RootRetry ? pause : options.RootRetry;
            }

            await Task.Delay(pause, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One renewal.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        _self ??= await root.GetAsync<ClusterObject>(options.Name, cancellation) ?? await root.CreateAsync(Declare(), cancellation);
        if (_self.Spec.Address != (options.Address ?? _self.Spec.Address) || _self.Spec.ExternalId != (options.ExternalId ?? _self.Spec.ExternalId))
            _self = await root.UpdateAsync(_self with { Metadata = Unconditional(_self), Spec = Declare().Spec }, cancellation);
        await RenewAsync(cancellation);
        var workers = readyWorkers();
        if (_self.Status?.Workers != workers)
            await root.MergePatchAsync<ClusterObject>(options.Name, string.Create(CultureInfo.InvariantCulture, $"{{\"status\":{{\"workers\":{workers}}}}}"), "status", cancellation);
        _self = _self with { Status = (_self.Status ?? new ClusterStatus()) with { Workers = workers } };
        if (!_away) return;
        _away = false;
        OnReturn();
    }

    private async Task RenewAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var spec = new LeaseSpec { HolderIdentity = options.Name, LeaseDurationSeconds = (int)Math.Ceiling(options.ClusterLease.TotalSeconds), RenewTime = now };
        _lease ??= await root.GetAsync<Lease>(_leaseKey, cancellation);
        _lease = _lease is null
            ? await root.CreateAsync(new Lease { Metadata = new ObjectMeta { Name = options.Name, Namespace = _leaseKey.Namespace }, Spec = spec with { AcquireTime = now } }, cancellation)
            : await root.UpdateAsync(_lease with { Spec = spec with { AcquireTime = _lease.Spec.AcquireTime } }, cancellation);
    }

    private ClusterObject Declare() => new()
    {
        Metadata = new ObjectMeta { Name = options.Name },
        Spec = new ClusterSpec { Address = options.Address ?? _self?.Spec.Address, ExternalId = options.ExternalId ?? _self?.Spec.ExternalId },
    };

    private static ObjectMeta Unconditional(ClusterObject self) => self.Metadata with { ResourceVersion = null };
}

using System.Text.Json;
using Gatehouse.Objects;
using Gatehouse.Objects.Exposures;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// All that decisions are made from, and what has changed since the last one. Changes are coalesced by object, so what waits is bounded by the objects.
/// Owned by the reconciler's loop; <see cref="Exposures"/> may be read from any thread.
/// </summary>
internal sealed class GatewayState(GatewayOptions options)
{
    private readonly Dictionary<string, string> _interests = new(StringComparer.Ordinal);

    /// <summary>Workers of the cluster.</summary>
    public WorkerTable Workers { get; } = new();

    /// <summary>Gateway hosts of this cluster.</summary>
    public GatewayClaims Gateways { get; } = new();

    /// <summary>Exposures on them, or on gateways that are not known yet.</summary>
    public ExposureTable Exposures { get; } = new();

    /// <summary>Addresses that lead somewhere.</summary>
    public ServiceAddressTable Services { get; } = new();

    /// <summary>Identifiers.</summary>
    public ExposureIds Ids { get; } = new();

    /// <summary>Gateway hosts to decide on.</summary>
    public HashSet<string> DirtyGateways { get; } = new(StringComparer.Ordinal);

    /// <summary>Exposures to decide on.</summary>
    public HashSet<string> DirtyExposures { get; } = new(StringComparer.Ordinal);

    /// <summary>Takes in a worker; null for one that is gone.</summary>
    public void OnWorker(string name, Worker? worker)
    {
        if (worker is null ? !Workers.Remove(name) : !Workers.Put(worker)) return;

        // A worker that comes can serve any gateway that waits for one of its addresses, and one that goes may have served: there are few gateway hosts.
        foreach (var host in Gateways.Hosts) DirtyGateways.Add(host.Metadata.Name);
    }

    /// <summary>Takes in a gateway host; null for one that is gone.</summary>
    public void OnGateway(string name, GatewayHost? host)
    {
        var before = Gateways.Find(name);
        if (host is not null && host.Spec.Cluster == options.Cluster && host.Metadata.DeletionTimestamp is null) Gateways.Put(host);
        else if (!Gateways.Remove(name)) return;
        if (before is not null && host is not null && Same(before, host)) return;
        DirtyGateways.Add(name);

        // Addresses and workers that this one has, or had, are another's loss or gain.
        if (before is null || host is null || !before.Spec.PublicAddresses.SequenceEqual(host.Spec.PublicAddresses) || before.Status?.Worker != host.Status?.Worker)
        {
            foreach (var other in Gateways.Hosts) DirtyGateways.Add(other.Metadata.Name);
        }

        MarkExposuresOf(name);
    }

    /// <summary>Takes in an exposure; null for one that is gone.</summary>
    public void OnExposure(string name, Exposure? exposure)
    {
        var before = exposure is null || !Concerns(exposure) ? Exposures.Remove(name) : Exposures.Put(exposure);
        var now = Exposures.Find(name);
        if (now is null) Ids.Release(before?.Status?.Id);
        else Ids.Use(now.Status?.Id);
        if (now is not null) DirtyExposures.Add(name);
        if (before is not null) MarkNeighbours(before);
        if (now is not null && (before is null || ExposurePort.Of(before.Spec) != ExposurePort.Of(now.Spec))) MarkNeighbours(now);
    }

    /// <summary>Takes in an object that names service or instance addresses; null for one that is gone.</summary>
    public void OnAddresses<T>(ObjectKey key, T? value)
        where T : ApiObject
    {
        foreach (var address in value is null ? Services.Remove<T>(key) : Services.Put(value)) MarkExposuresTo(address);
    }

    /// <summary>Takes in an interest; null for one that is gone. One that ends unanswered has to be asked again while an exposure waits for it.</summary>
    public void OnInterest(ObjectKey key, Interest? interest)
    {
        if (interest is not null) _interests[key.Name] = interest.Spec.Query;
        else if (_interests.Remove(key.Name, out var query) && System.Net.IPAddress.TryParse(query, out _)) MarkExposuresTo(query);
        OnAddresses(key, interest);
    }

    /// <summary>Whether an interest is there.</summary>
    public bool IsAsked(string interest) => _interests.ContainsKey(interest);

    /// <summary>Marks the exposures of a gateway.</summary>
    public void MarkExposuresOf(string gateway)
    {
        foreach (var exposure in Exposures.OfGateway(gateway)) DirtyExposures.Add(exposure.Metadata.Name);
    }

    /// <summary>What the plan needs to know around an exposure.</summary>
    public ExposureSurroundings Around(Exposure exposure, DateTimeOffset now)
    {
        var gateway = Gateways.Find(exposure.Spec.Gateway);
        return new ExposureSurroundings(
            gateway,
            gateway?.Status?.Worker is { } worker ? Workers.Find(worker)?.Spec.TunnelPort ?? 0 : 0,
            Exposures.Holder(exposure),
            Services.IsKnown(exposure.Spec.ServiceAddress),
            options.Reserved,
            options.AckPatience,
            now);
    }

    /// <summary>Whether two statuses say the same.</summary>
    public static bool Same(ExposureStatus? a, ExposureStatus? b) =>
        a is null || b is null ? a == b : JsonSerializer.Serialize(a, ObjectsJson.Default.ExposureStatus) == JsonSerializer.Serialize(b, ObjectsJson.Default.ExposureStatus);

    /// <summary>Whether two statuses say the same.</summary>
    public static bool Same(GatewayHostStatus? a, GatewayHostStatus? b) =>
        a is null || b is null ? a == b : JsonSerializer.Serialize(a, ObjectsJson.Default.GatewayHostStatus) == JsonSerializer.Serialize(b, ObjectsJson.Default.GatewayHostStatus);

    private static bool Same(GatewayHost a, GatewayHost b) =>
        a.Spec.Cluster == b.Spec.Cluster && a.Spec.GatewayId == b.Spec.GatewayId && a.Spec.PublicAddresses.SequenceEqual(b.Spec.PublicAddresses) && Same(a.Status, b.Status);

    private void MarkExposuresTo(string address)
    {
        foreach (var exposure in Exposures.OfService(address)) DirtyExposures.Add(exposure.Metadata.Name);
    }

    private bool Concerns(Exposure exposure) => exposure.Spec.Cluster is null || exposure.Spec.Cluster == options.Cluster;

    private void MarkNeighbours(Exposure exposure)
    {
        foreach (var other in Exposures.At(ExposurePort.Of(exposure.Spec))) DirtyExposures.Add(other.Metadata.Name);
    }
}

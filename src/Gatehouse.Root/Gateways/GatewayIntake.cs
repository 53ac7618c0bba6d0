using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using KindCluster = Gatehouse.Objects.Kinds.Cluster;

namespace Gatehouse.Root.Gateways;

/// <summary>What came of publishing a descriptor: the gateway host, or the refusal; warnings in either case.</summary>
/// <param name="Host">Null when refused.</param>
/// <param name="Refusal">Null when accepted.</param>
/// <param name="Warnings">What was accepted and should be put right.</param>
/// <param name="IsNew">False when exactly this gateway had been published before.</param>
internal sealed record IntakeOutcome(GatewayHost? Host, Status? Refusal, IReadOnlyList<string> Warnings, bool IsNew = true);

/// <summary>Takes Oakestra's gateway descriptors: reads, checks against everything that root knows, and makes the gateway host, which the cluster then sees.</summary>
internal sealed class GatewayIntake(GatewayTables tables, IObjectClient local)
{
    /// <summary>Publishes a descriptor. Every fault of the document is in one answer.</summary>
    public async Task<IntakeOutcome> PublishAsync(ReadOnlyMemory<byte> document, CancellationToken cancellation)
    {
        var reading = DescriptorReader.Read(document);
        if (reading.Descriptor is not { } descriptor)
            return new IntakeOutcome(null, Statuses.Invalid("the gateway descriptor", null, reading.Faults) with { Code = 400, Reason = StatusReason.BadRequest }, reading.Warnings);

        var faults = reading.Faults.ToList();
        var cluster = FindCluster(descriptor, faults);
        var host = ToHost(descriptor, cluster?.Metadata.Name ?? "");
        if (descriptor.Name.Length > 0 && tables.FindHost(descriptor.Name) is { } there)
        {
            if (faults.Count == 0 && IsSame(there, host)) return new IntakeOutcome(there, null, reading.Warnings, IsNew: false);
            faults.Add(new Fault("gateway.gateway_name", descriptor.Name, $"is the name of a gateway of cluster {there.Spec.Cluster} already"));
        }

        faults.AddRange(tables.Check(descriptor.Name, host.Spec, GatewayFieldNames.Descriptor).Where(f => !faults.Exists(known => known.Field == f.Field)));
        if (faults.Count > 0) return new IntakeOutcome(null, Statuses.Invalid("the gateway descriptor", new StatusDetails(descriptor.Name, Kind: nameof(GatewayHost)), faults), reading.Warnings);
        try
        {
            return new IntakeOutcome(await local.CreateAsync(host, cancellation), null, reading.Warnings);
        }
        catch (ApiStatusException e)
        {
            return new IntakeOutcome(null, e.Status, reading.Warnings);
        }
    }

    private KindCluster? FindCluster(GatewayDescriptor descriptor, List<Fault> faults)
    {
        var byId = Look(descriptor.ClusterId, "cluster.cluster_ID", id => c => c.Spec.ExternalId == id || c.Metadata.Uid == id, faults);
        var byName = Look(descriptor.ClusterName, "cluster.cluster_name", name => c => c.Metadata.Name.Equals(name, StringComparison.OrdinalIgnoreCase), faults);
        if (byId is not null && byName is not null && byId.Metadata.Name != byName.Metadata.Name)
        {
            faults.Add(new Fault("cluster", "", $"cluster_ID {descriptor.ClusterId} is cluster {byId.Metadata.Name} and cluster_name is {byName.Metadata.Name}: they must be the same cluster"));
            return null;
        }

        return byId ?? byName;
    }

    private KindCluster? Look(string? value, string field, Func<string, Func<KindCluster, bool>> matches, List<Fault> faults)
    {
        if (value is null) return null;
        if (tables.FindClusters(matches(value)) is [var found, ..]) return found;
        faults.Add(new Fault(field, value, "no such cluster has joined"));
        return null;
    }

    private static GatewayHost ToHost(GatewayDescriptor descriptor, string cluster) => new()
    {
        ApiVersion = GatewayHost.Info.ApiVersion,
        Kind = GatewayHost.Info.Kind,
        Metadata = new ObjectMeta { Name = descriptor.Name },
        Spec = new GatewayHostSpec
        {
            Cluster = cluster,
            Customer = descriptor.Customer,
            Description = descriptor.Description,
            GatewayId = descriptor.GatewayId,
            PublicAddresses = [.. descriptor.PublicAddresses.Select(ExposureRules.Normalise)],
        },
    };

    private static bool IsSame(GatewayHost there, GatewayHost wanted) =>
        there.Spec.Cluster == wanted.Spec.Cluster && there.Spec.Customer == wanted.Spec.Customer && there.Spec.Description == wanted.Spec.Description
        && (wanted.Spec.GatewayId is null || there.Spec.GatewayId == wanted.Spec.GatewayId)
        && there.Spec.PublicAddresses.Select(ExposureRules.Normalise).SequenceEqual(wanted.Spec.PublicAddresses);
}

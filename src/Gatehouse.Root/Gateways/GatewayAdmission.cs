using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Gateways;

/// <summary>
/// Root's say in gateway hosts and exposures, however they are declared: the cluster must exist, addresses and ports belong to one, and an exposure learns its
/// cluster from its gateway.
/// </summary>
internal sealed class GatewayAdmission(GatewayTables tables, IReadOnlyList<ReservedPort> reserved) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [GatewayHost.Info, Exposure.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb is not (AdmissionVerb.Create or AdmissionVerb.Update)) return ValueTask.FromResult<Status?>(null);
        try
        {
            return ValueTask.FromResult(request.Kind == GatewayHost.Info ? AdmitHost(request) : AdmitExposure(request));
        }
        catch (JsonException)
        {
            // Not the shape of the kind: the server's validation, which comes next, names the field.
            return ValueTask.FromResult<Status?>(null);
        }
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request) => tables.Abandon(request.Kind, request.Key.Name);

    private Status? AdmitHost(AdmissionRequest request)
    {
        if (Named(request).Deserialize(ObjectsJson.Default.GatewayHost) is not { } host) return null;
        var faults = GatewayName.IsValid(request.Key.Name)
            ? new List<Fault>()
            : [new Fault("metadata.name", request.Key.Name, $"must be a DNS label; '{GatewayName.Normalise(request.Key.Name)}' would do")];
        if (request.Old.Deserialize(ObjectsJson.Default.GatewayHost) is { } before && before.Spec.Cluster != host.Spec.Cluster)
            faults.Add(new Fault("spec.cluster", host.Spec.Cluster, $"can't be changed from {before.Spec.Cluster}: delete the gateway and make another"));
        return Statuses.Invalid(GatewayHost.Info, request.Key.Name, [.. faults, .. tables.Claim(host)]);
    }

    private Status? AdmitExposure(AdmissionRequest request)
    {
        if (Named(request).Deserialize(ObjectsJson.Default.Exposure) is not { } exposure || Exposure.Info.Check(exposure).Any()) return null;
        if (request.Old.Deserialize(ObjectsJson.Default.Exposure) is { } before)
            return Statuses.Invalid(Exposure.Info, request.Key.Name, ExposureRules.CheckChange(before.Spec, exposure.Spec));

        var faults = new List<Fault>();
        var gateway = tables.FindHost(exposure.Spec.Gateway);
        if (gateway is null) faults.Add(new Fault("spec.gateway", exposure.Spec.Gateway, "there is no such gateway"));
        else faults.AddRange(AgainstGateway(exposure.Spec, gateway));
        if (reserved.FirstOrDefault(r => r.Protocol == exposure.Spec.Protocol && r.Port == exposure.Spec.Port) is { } use)
            faults.Add(new Fault("spec.port", $"{exposure.Spec.Port}", $"{ExposureRules.PortName(use.Protocol, use.Port)} is reserved for {use.Use}"));
        if (Statuses.Invalid(Exposure.Info, request.Key.Name, faults) is { } invalid) return invalid;
        if (tables.Claim(exposure) is { } holder)
            return Statuses.Refused(409, StatusReason.Conflict, $"{ExposureRules.PortName(exposure.Spec.Protocol, exposure.Spec.Port)} of gateway {exposure.Spec.Gateway} is held by exposure {holder.Metadata.Name}");
        request.Object["spec"]!["cluster"] = gateway!.Spec.Cluster;
        return null;
    }

    private static IEnumerable<Fault> AgainstGateway(ExposureSpec spec, GatewayHost gateway)
    {
        if (spec.Cluster is { } cluster && cluster != gateway.Spec.Cluster)
            yield return new Fault("spec.cluster", cluster, $"must be {gateway.Spec.Cluster}, where gateway {spec.Gateway} is, or be left out");
        if (spec.PublicAddress is { } wanted && !gateway.Spec.PublicAddresses.Any(a => ExposureRules.Normalise(a) == ExposureRules.Normalise(wanted)))
            yield return new Fault("spec.publicAddress", wanted, $"must be one of the gateway's: {string.Join(", ", gateway.Spec.PublicAddresses)}");
    }

    private static JsonObject Named(AdmissionRequest request)
    {
        // With generateName the name stands in the key alone.
        if (request.Object["metadata"] is JsonObject metadata && metadata["name"] is null) metadata["name"] = request.Key.Name;
        return request.Object;
    }
}

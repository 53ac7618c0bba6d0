using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// What the cluster adds to an exposure in the write that creates it: its cluster, and the finalizer that keeps it until it is drained. And what an update may
/// not change, and what a worker may report.
/// </summary>
internal sealed class ExposureAdmission(string cluster) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [Exposure.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation) => ValueTask.FromResult(request.Verb switch
    {
        AdmissionVerb.Create => Complete(request.Object),
        AdmissionVerb.Update when request.Old is not null => CheckChange(request),
        AdmissionVerb.UpdateStatus when request.User.Worker is { } worker => CheckReport(request, worker),
        _ => null,
    });

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
        // Nothing is taken.
    }

    private Status? Complete(JsonObject exposure)
    {
        if (exposure["spec"] is JsonObject spec && spec["cluster"] is null) spec["cluster"] = cluster;
        if (exposure["metadata"] is not JsonObject metadata) return null;
        var finalizers = metadata["finalizers"] as JsonArray;
        if (finalizers is null) metadata["finalizers"] = finalizers = [];
        if (!finalizers.Any(f => f is JsonValue v && v.TryGetValue<string>(out var name) && name == Exposure.DrainFinalizer)) finalizers.Add((JsonNode)Exposure.DrainFinalizer);
        return null;
    }

    /// <summary>A worker says what its kernel holds of an exposure, in its own name, and how many flows are left; the rest is the cluster's.</summary>
    private static Status? CheckReport(AdmissionRequest request, string worker)
    {
        var (before, after) = (request.Old.Deserialize(ObjectsJson.Default.Exposure)?.Status, request.Object.Deserialize(ObjectsJson.Default.Exposure)?.Status);
        if (before is null || after is null || !GatewayState.Same(before with { Flows = after.Flows, Programmed = after.Programmed }, after))
            return Refused($"worker {worker} may report status.programmed and status.flows of exposure {request.Key.Name}; the rest of its status is the cluster's");
        var isSaid = !JsonNode.DeepEquals(request.Old?["status"]?["programmed"], request.Object["status"]?["programmed"]);
        if (isSaid && after.Programmed is { } said && said.Worker != worker)
            return Refused($"worker {worker} may speak for itself alone: status.programmed.worker of exposure {request.Key.Name} must be {worker}, not '{said.Worker}'");
        return after.Flows is null or >= 0 ? null : Statuses.Invalid(Exposure.Info, request.Key.Name, [new Fault("status.flows", $"{after.Flows}", "must be 0 or more")]);
    }

    private static Status Refused(string message) => Statuses.Refused(403, StatusReason.Forbidden, message);

    private static Status? CheckChange(AdmissionRequest request)
    {
        // A copy follows root, whose own admission has refused what can't be.
        if (request.Object.Deserialize(ObjectsJson.Default.Exposure) is not { } after || Origin.IsRoot(after.Metadata)) return null;
        var before = request.Old.Deserialize(ObjectsJson.Default.Exposure);
        return before is null ? null : Statuses.Invalid(Exposure.Info, request.Key.Name, ExposureRules.CheckChange(before.Spec, after.Spec));
    }
}

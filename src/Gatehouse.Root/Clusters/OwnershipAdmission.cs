using System.Text.Json.Nodes;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Clusters;

/// <summary>
/// Keeps what a cluster writes its own after the write too: the authorizer judges the object as it is stored, this one as it will be. Also keeps a cluster's phase root's.
/// </summary>
internal sealed class OwnershipAdmission : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } =
        [Cluster.Info, Subnetwork.Info, FabricInstance.Info, Interest.Info, Peer.Info, GatewayHost.Info, Exposure.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb == AdmissionVerb.Delete) return new((Status?)null);
        if (request.Kind == Cluster.Info) return new(CheckCluster(request));
        if (request.User.Cluster is not { } cluster) return new((Status?)null);
        var field = RootAuthorizer.OwnerField(request.Kind)!;
        var owner = request.Object["spec"]?[field]?.ToString();
        return new(owner == cluster ? null : request.Forbidden($"spec.{field} must be {cluster}, not {owner ?? "absent"}"));
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }

    private static Status? CheckCluster(AdmissionRequest request)
    {
        if (request.Verb == AdmissionVerb.Create && !Names.IsLabel(request.Key.Name))
            return request.Invalid([new Fault("metadata.name", request.Key.Name, Names.LabelRule)]);
        if (request.Verb == AdmissionVerb.Create)
        {
            var finalizers = (request.Read<Cluster>()?.Metadata.Finalizers ?? []).Append(ClusterReconciler.ReleaseFinalizer).Distinct().Select(f => (JsonNode)f).ToArray();
            request.Object["metadata"]!["finalizers"] = new JsonArray(finalizers);
        }

        if (request.Verb != AdmissionVerb.UpdateStatus || request.User.IsMaster) return null;
        var (old, now) = (request.ReadOld<Cluster>()?.Status, request.Read<Cluster>()?.Status);
        return old?.Phase == now?.Phase && old?.Since == now?.Since ? null : request.Forbidden("a cluster may report its workers; its phase is root's to say");
    }
}

using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Selectors;

namespace Gatehouse.Root;

/// <summary>
/// What a cluster may do at root: read and write what is its own, read every service and peer, declare services, and nothing else. Operators never come here: they may do everything.
/// </summary>
internal sealed class RootAuthorizer : IAuthorizer
{
    /// <inheritdoc/>
    public string? Refuse(AuthorizationRequest request)
    {
        if (request.User.Cluster is not { } cluster) return "only clusters and operators have rights at root";
        if (request.Kind == FabricService.Info) return Service(request, cluster);
        if (request.Kind == Cluster.Info) return Self(request, cluster);
        if (request.Kind == Lease.Info) return OwnLease(request, cluster);
        if (OwnerField(request.Kind) is not { } field) return $"{request.Kind.Plural} are root's and its operators'";
        if (request.Kind == Peer.Info && request.Verb is ("get" or "list" or "watch")) return null;
        if (request.Subresource == "status" && request.Verb is not "get" && !WritesStatus(request.Kind)) return $"the status of {request.Kind.Plural} is root's";
        return Own(request, field, cluster);
    }

    /// <summary>The field of <c>spec</c> that names the cluster that an object belongs to; null for kinds that belong to none.</summary>
    public static string? OwnerField(KindInfo kind) => kind.Kind switch
    {
        nameof(Subnetwork) or nameof(FabricInstance) or nameof(Peer) or nameof(GatewayHost) or nameof(Exposure) => "cluster",
        nameof(Interest) => "holder",
        _ => null,
    };

    private static bool WritesStatus(KindInfo kind) => kind == FabricInstance.Info || kind == GatewayHost.Info || kind == Exposure.Info;

    private static string? Service(AuthorizationRequest request, string cluster) => request.Verb switch
    {
        "get" or "list" or "watch" => null,
        "create" => null,
        _ => $"cluster {cluster} may read and declare services; changing and deleting them is the operators'",
    };

    private static string? Self(AuthorizationRequest request, string cluster) => request.Verb switch
    {
        "list" or "watch" => Selects(request, "metadata.name", cluster),
        "create" => NameOf(request) == cluster ? null : $"cluster {cluster} may create itself alone",
        "get" or "update" or "patch" => request.Name == cluster ? null : $"cluster {cluster} may see and change itself alone",
        _ => "clusters are removed by operators",
    };

    private static string? OwnLease(AuthorizationRequest request, string cluster)
    {
        if (request.Namespace != Cluster.LeaseNamespace) return $"clusters have leases in namespace {Cluster.LeaseNamespace} alone";
        if (request.Verb is "list" or "watch") return Selects(request, "metadata.name", cluster);
        return (request.Name ?? NameOf(request)) == cluster ? null : $"cluster {cluster} has the lease {cluster} alone";
    }

    private static string? Own(AuthorizationRequest request, string field, string cluster)
    {
        if (request.Verb is "list" or "watch") return Selects(request, $"spec.{field}", cluster);
        if (request.Object is null) return request.Name?.StartsWith($"{cluster}.", StringComparison.Ordinal) == true ? null : $"it is not known to belong to cluster {cluster}";
        var owner = request.Object["spec"]?[field]?.ToString();
        return owner == cluster ? null : $"it belongs to {owner ?? "nobody"}, not to cluster {cluster}";
    }

    private static string? Selects(AuthorizationRequest request, string field, string value) =>
        FieldSelector.TryParse(request.FieldSelector, out var selector, out _) && selector.Required(field) == value
            ? null
            : $"a cluster may {request.Verb} {request.Kind.Plural} with the field selector {field}={value} alone";

    private static string? NameOf(AuthorizationRequest request) => request.Object?["metadata"]?["name"]?.ToString();
}

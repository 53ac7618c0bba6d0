using Gatehouse.Api.Server;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Selectors;

namespace Gatehouse.Cluster;

/// <summary>
/// What a worker may do at its cluster: its own worker, lease, interests and instances, what is assigned to it as gateway, and every peer to read. Operators never
/// come here: they may do everything.
/// </summary>
internal sealed class ClusterAuthorizer : IAuthorizer
{
    /// <inheritdoc/>
    public string? Refuse(AuthorizationRequest request)
    {
        if (request.User.Worker is not { } worker) return "only workers of this cluster and operators have rights here";
        return request.Kind.Kind switch
        {
            nameof(Worker) => Self(request, worker),
            nameof(Lease) => OwnLease(request, worker),
            nameof(Interest) => OwnInterest(request, worker),
            nameof(FabricInstance) => OwnInstance(request, worker),
            nameof(Peer) => request.Verb is "get" or "list" or "watch" ? null : "peers are made by the cluster; workers read them",
            nameof(GatewayHost) or nameof(Exposure) => Assigned(request, worker),
            _ => $"{request.Kind.Plural} are no worker's",
        };
    }

    private static string? Self(AuthorizationRequest request, string worker) => request.Verb switch
    {
        "list" or "watch" => Selects(request, "metadata.name", worker),
        "get" => IsNamed(request, worker),
        "create" or "update" or "patch" => request.Subresource is null ? IsNamed(request, worker) : "the status of workers is the cluster's",
        _ => "workers are removed by operators",
    };

    private static string? OwnLease(AuthorizationRequest request, string worker)
    {
        if (request.Namespace != Worker.LeaseNamespace) return $"workers have leases in namespace {Worker.LeaseNamespace} alone";
        return request.Verb is "list" or "watch" ? Selects(request, "metadata.name", worker) : IsNamed(request, worker);
    }

    private static string? OwnInterest(AuthorizationRequest request, string worker)
    {
        if (request.Verb is "list" or "watch") return Selects(request, "spec.holder", worker);
        if (request.Subresource is not null && request.Verb != "get") return "the status of interests is the cluster's";
        // One that does not exist (yet): whether it does is its holder's to know.
        if (request.Object is null && request.Name?.StartsWith($"{worker}.", StringComparison.Ordinal) == true) return null;
        return Belongs(request, "spec", "holder", worker);
    }

    private static string? OwnInstance(AuthorizationRequest request, string worker)
    {
        if (request.Verb is "list" or "watch") return Selects(request, "spec.worker", worker);
        // One that waits for a node engine can be taken; admission sees to it that it is only taken.
        var isWaiting = request.Verb is "get" or "update" or "patch" && request.Subresource is null
            && request.Object?["spec"] is { } spec && spec["worker"] is null && spec["process"] is null;
        return isWaiting ? null : Belongs(request, "spec", "worker", worker);
    }

    private static string? Assigned(AuthorizationRequest request, string worker) => request.Verb switch
    {
        "list" or "watch" => Selects(request, "status.worker", worker),
        "get" => Belongs(request, "status", "worker", worker),

        // What its kernel holds and how many flows are left; admission sees to it that nothing else is written.
        "update" or "patch" when request.Kind == Exposure.Info && request.Subresource == "status" => Belongs(request, "status", "worker", worker),
        _ => $"{request.Kind.Plural} are declared by operators and through the gateway's management API",
    };

    private static string? Belongs(AuthorizationRequest request, string part, string field, string worker)
    {
        if (request.Object is null) return $"it is not known to belong to worker {worker}";
        var owner = request.Object[part]?[field]?.ToString();
        return owner == worker ? null : $"it belongs to {owner ?? "nobody"}, not to worker {worker}";
    }

    private static string? Selects(AuthorizationRequest request, string field, string value) =>
        FieldSelector.TryParse(request.FieldSelector, out var selector, out _) && selector.Required(field) == value
            ? null
            : $"a worker may {request.Verb} {request.Kind.Plural} with the field selector {field}={value} alone";

    private static string? IsNamed(AuthorizationRequest request, string worker) =>
        (request.Name ?? request.Object?["metadata"]?["name"]?.ToString()) == worker ? null : $"worker {worker} may use the name {worker} alone";
}

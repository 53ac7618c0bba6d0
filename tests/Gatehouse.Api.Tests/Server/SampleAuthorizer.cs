using Gatehouse.Api.Server;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Tests.Server;

/// <summary>As a cluster has it: a worker has its own Worker, its own interests, and reads all peers.</summary>
internal sealed class SampleAuthorizer : IAuthorizer
{
    public string? Refuse(AuthorizationRequest request)
    {
        if (request.User.Worker is not { } worker) return "only workers and operators are served";
        if (request.Kind == Worker.Info) return request.Name == worker || (request.Verb == "create" && (string?)request.Object?["metadata"]?["name"] == worker) ? null : $"it is not '{worker}'";
        if (request.Kind == Peer.Info) return request.Verb is "get" or "list" or "watch" ? null : "peers are written by the cluster";
        if (request.Kind != Interest.Info) return $"workers have no {request.Kind.Plural}";
        if (request.Verb is "list" or "watch") return request.FieldSelector == $"spec.holder={worker}" ? null : $"name your own with fieldSelector spec.holder={worker}";
        return (string?)request.Object?["spec"]?["holder"] == worker ? null : $"its holder is not '{worker}'";
    }
}

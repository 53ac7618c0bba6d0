using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Oakestra;

/// <summary>Services and instances in Oakestra's words: the job document. Pure.</summary>
internal static class JobDocument
{
    /// <summary>Where <c>net_deploy_status</c> keeps the tunnel's end that Oakestra's worker reported, as <c>ADDRESS PORT</c>.</summary>
    public const string HostAnnotation = "gatehouse.dev/oakestra-host";

    /// <summary>The document of a service: its descriptor, with addresses and instances.</summary>
    /// <param name="instances">Those of the service; undeployed ones are left out.</param>
    /// <param name="peerOf">The worker behind an instance, as its cluster told root; null when not told.</param>
    public static JsonObject Make(FabricService service, IEnumerable<FabricInstance> instances, Func<FabricInstance, Peer?> peerOf)
    {
        var document = service.Spec.Descriptor is { ValueKind: JsonValueKind.Object } descriptor ? JsonObject.Create(descriptor)!.DeepClone().AsObject() : [];
        document["_id"] = service.Spec.JobId ?? service.Metadata.Name;
        document["job_name"] = service.Spec.JobName ?? service.Metadata.Name;
        document["service_ip_list"] = new JsonArray([.. (service.Status?.Addresses ?? []).Select(a => (JsonNode)new JsonObject
        {
            ["IpType"] = TypeOf(a.Policy), ["Address"] = a.Ipv4, ["Address_v6"] = a.Ipv6,
        })]);
        document["instance_list"] = new JsonArray([.. Deployed(instances).Select(i => (JsonNode)Instance(i, peerOf(i)))]);
        return document;
    }

    /// <summary>Instances that nobody undeployed, by number.</summary>
    public static IEnumerable<FabricInstance> Deployed(IEnumerable<FabricInstance> instances) =>
        instances.Where(i => !i.Spec.Undeploy && i.Metadata.DeletionTimestamp is null).OrderBy(i => i.Spec.Number);

    /// <summary>Oakestra's word for a policy; those that it does not know keep our name.</summary>
    public static string TypeOf(BalancingPolicy policy) => policy switch
    {
        BalancingPolicy.RoundRobin => "RR",
        BalancingPolicy.Closest => "Closest",
        BalancingPolicy.LeastLoaded => "LeastLoaded",
        BalancingPolicy.Weighted => "Weighted",
        _ => "Sticky",
    };

    /// <summary>The name of the service behind an Oakestra job name.</summary>
    public static string NameOf(string jobName) => jobName.ToLowerInvariant();

    private static JsonObject Instance(FabricInstance instance, Peer? peer)
    {
        var reported = instance.Metadata.Annotations?.GetValueOrDefault(HostAnnotation)?.Split(' ');
        return new JsonObject
        {
            ["instance_number"] = instance.Spec.Number,
            ["instance_ip"] = instance.Status?.Instance?.Ipv4,
            ["instance_ip_v6"] = instance.Status?.Instance?.Ipv6,
            ["cluster_id"] = instance.Spec.Cluster,
            ["namespace_ip"] = instance.Status?.NamespaceAddress?.Ipv4 ?? "",
            ["namespace_ip_v6"] = instance.Status?.NamespaceAddress?.Ipv6 ?? "",
            ["host_ip"] = peer?.Spec.Underlay ?? reported?[0] ?? "",
            ["host_port"] = peer is null ? reported?[1] ?? "" : $"{peer.Spec.TunnelPort}",
        };
    }
}

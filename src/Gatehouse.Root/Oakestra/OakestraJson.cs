using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Gatehouse.Objects;

namespace Gatehouse.Root.Oakestra;

/// <summary>The body of every answer that is no success.</summary>
internal sealed record OakestraError([property: JsonPropertyName("message")] string Message, [property: JsonPropertyName("faults")] IReadOnlyList<Fault>? Faults);

/// <summary>A worker's subnetwork.</summary>
internal sealed record SubnetAnswer([property: JsonPropertyName("subnet_addr")] string Ipv4, [property: JsonPropertyName("subnet_addr_v6")] string Ipv6);

/// <summary>An address pair and its kind.</summary>
internal sealed record ServiceIp(
    [property: JsonPropertyName("Address")] string? Ipv4, [property: JsonPropertyName("Address_v6")] string? Ipv6, [property: JsonPropertyName("IpType")] string Type);

/// <summary>An instance for people who deploy.</summary>
internal sealed record NetInfoInstance(
    [property: JsonPropertyName("cluster_id")] string? Cluster,
    [property: JsonPropertyName("instance_number")] int Number,
    [property: JsonPropertyName("instance_ip")] string? Ipv4,
    [property: JsonPropertyName("instance_ip_v6")] string? Ipv6);

/// <summary>A service for people who deploy.</summary>
internal sealed record NetInfo
{
    [JsonPropertyName("applicationID")]
    public string? Application { get; init; }

    [JsonPropertyName("app_ns")]
    public string? AppNamespace { get; init; }

    [JsonPropertyName("app_name")]
    public string? AppName { get; init; }

    [JsonPropertyName("service_ns")]
    public string? ServiceNamespace { get; init; }

    [JsonPropertyName("service_name")]
    public string? ServiceName { get; init; }

    [JsonPropertyName("service_job_id")]
    public string? JobId { get; init; }

    [JsonPropertyName("service_ip_list")]
    public IReadOnlyList<ServiceIp> ServiceIps { get; init; } = [];

    [JsonPropertyName("instance_list")]
    public IReadOnlyList<NetInfoInstance> Instances { get; init; } = [];
}

/// <summary>Addresses that are not taken.</summary>
internal sealed record AvailableIps([property: JsonPropertyName("available_service_ips")] IReadOnlyList<ServiceIp> Ips);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OakestraError))]
[JsonSerializable(typeof(SubnetAnswer))]
[JsonSerializable(typeof(NetInfo))]
[JsonSerializable(typeof(AvailableIps))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class OakestraJson : JsonSerializerContext;

using System.Text.Json.Serialization;
using Gatehouse.Node.Doctor;
using Gatehouse.Node.Trace;

namespace Gatehouse.Node.LocalApi;

/// <summary>Body of <c>POST /register</c> (Oakestra's node engine).</summary>
internal sealed record RegisterRequest([property: JsonPropertyName("client_id")] string? ClientId, [property: JsonPropertyName("cluster_address")] string? ClusterAddress);

/// <summary>Body of <c>POST /container/deploy</c> and <c>/container/undeploy</c>.</summary>
internal sealed record ContainerRequest(int? Pid, string? ServiceName, int? InstanceNumber, string? PortMappings);

/// <summary>Answer to <c>/container/deploy</c>. The names are Oakestra's.</summary>
internal sealed record ContainerAnswer(
    string ServiceName, [property: JsonPropertyName("nsAddress")] string NamespaceAddress, [property: JsonPropertyName("nsAddressv6")] string NamespaceAddress6);

/// <summary>Body of <c>POST /instances</c>: the same by pid or by the name of a network namespace, without an engine.</summary>
internal sealed record InstanceRequest(string? Service, int? Number, int? Pid, string? Namespace, string? PortMappings);

/// <summary>An attached instance, for people.</summary>
/// <param name="Message">Why it has no instance address yet; null when it has one, and in lists.</param>
internal sealed record InstanceAnswer(
    string Name, string? Ipv4, string? Ipv6, string? Address4, string? Address6, int? Pid, string? Namespace, string? PortMappings, string? Message = null);

/// <summary>How the node is.</summary>
internal sealed record StatusAnswer(
    string Worker, string? Client, string? Subnetwork4, string? Subnetwork6, int Peers, int Services, int Interests, int Elements, int Waiting, bool ClusterAnswers);

/// <summary>Every failed request.</summary>
internal sealed record ErrorAnswer(string Error);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(RegisterRequest))]
[JsonSerializable(typeof(ContainerRequest))]
[JsonSerializable(typeof(ContainerAnswer))]
[JsonSerializable(typeof(InstanceRequest))]
[JsonSerializable(typeof(InstanceAnswer))]
[JsonSerializable(typeof(IReadOnlyList<InstanceAnswer>))]
[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSerializable(typeof(IReadOnlyList<Finding>))]
[JsonSerializable(typeof(TraceReport))]
internal sealed partial class LocalApiJson : JsonSerializerContext;

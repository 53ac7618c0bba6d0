using System.Text.Json.Serialization;

namespace Gatehouse.Root.Gateways;

/// <summary>The answer to a published descriptor, in the descriptor's words.</summary>
/// <param name="Message">For people.</param>
/// <param name="GatewayName">Name of the gateway host.</param>
/// <param name="GatewayId">Null until the cluster has made one.</param>
/// <param name="ClusterName">The cluster that it was handed to.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="Warnings">What was accepted and should be put right.</param>
internal sealed record PublishedGateway(
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("gateway_name")] string GatewayName,
    [property: JsonPropertyName("gateway_ID")] string? GatewayId,
    [property: JsonPropertyName("cluster_name")] string ClusterName,
    [property: JsonPropertyName("phase")] string Phase,
    [property: JsonPropertyName("warnings")] IReadOnlyList<string> Warnings);

/// <summary>Source-generated JSON of the answers.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PublishedGateway))]
[JsonSerializable(typeof(PublishedGateway[]))]
internal sealed partial class RootGatewayJson : JsonSerializerContext;

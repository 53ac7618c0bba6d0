using System.Text.Json.Serialization;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Management;

/// <summary>An exposure in the words of the management API.</summary>
internal sealed record ExposureView(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("exposed_port")] int ExposedPort,
    [property: JsonPropertyName("protocol")] string Protocol,
    [property: JsonPropertyName("public_ips")] IReadOnlyList<string> PublicAddresses,
    [property: JsonPropertyName("service_ip")] string ServiceAddress,
    [property: JsonPropertyName("service_port")] int ServicePort,
    [property: JsonPropertyName("keep_client_ip")] bool KeepClientAddress,
    [property: JsonPropertyName("phase")] string Phase,
    [property: JsonPropertyName("message")] string? Message)
{
    /// <summary>The view of an object.</summary>
    public static ExposureView Of(Exposure exposure) => new(
        exposure.Metadata.Name,
        exposure.Spec.Port,
        exposure.Spec.Protocol == Objects.Kinds.Protocol.Udp ? "UDP" : "TCP",
        exposure.Status?.PublicAddresses ?? [],
        exposure.Spec.ServiceAddress,
        exposure.Spec.ServicePort,
        exposure.Spec.KeepClientAddress,
        (exposure.Status?.Phase ?? ExposurePhase.Pending).ToString(),
        exposure.Status?.Message);
}

/// <summary>The answer to <c>add</c> and <c>delete</c>.</summary>
internal sealed record ManagementAnswer(
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("exposures")] IReadOnlyList<ExposureView> Exposures);

/// <summary>The answer to the list.</summary>
/// <param name="Gateway">Name of the gateway host.</param>
/// <param name="AsOf">When the cluster last confirmed it; null when it never did.</param>
/// <param name="Exposures">By port.</param>
internal sealed record ExposureListing(
    [property: JsonPropertyName("gateway_name")] string Gateway,
    [property: JsonPropertyName("gateway_id")] string? GatewayId,
    [property: JsonPropertyName("as_of")] DateTimeOffset? AsOf,
    [property: JsonPropertyName("exposures")] IReadOnlyList<ExposureView> Exposures);

/// <summary>Source-generated JSON of the management API.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ManagementAnswer))]
[JsonSerializable(typeof(ExposureListing))]
internal sealed partial class ManagementJson : JsonSerializerContext;

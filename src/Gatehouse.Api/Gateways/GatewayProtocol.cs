using System.Text.Json.Serialization;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Gateways;

/// <summary>Paths between a gateway role and its cluster, on the cluster's API server (Oakestra's gateway architecture, "Configuration" and "Callback").</summary>
/// <remarks>The caller is a worker with its certificate; it may speak for the gateway host that it serves and for no other.</remarks>
public static class GatewayProtocol
{
    /// <summary>Default port of the management API.</summary>
    public const int ManagementPort = 11_022;

    /// <summary>POST without body, or <c>{}</c>; answers <see cref="RegisterAnswer"/>, or 404 while the worker serves no gateway host.</summary>
    public const string RegisterPath = "/api/gateway/register";

    /// <summary>GET; answers <see cref="InternalAddresses"/>.</summary>
    public static string IpPath(string id) => $"/api/gateway/{Uri.EscapeDataString(id)}/ip";

    /// <summary>POST <see cref="GatewayReport"/>: the gateway forwards from now on.</summary>
    public static string ReadyPath(string id) => $"/api/gateway/{Uri.EscapeDataString(id)}/ready";

    /// <summary>POST <see cref="GatewayReport"/>: the host's listeners changed.</summary>
    public static string ListenersPath(string id) => $"/api/gateway/{Uri.EscapeDataString(id)}/listeners";

    /// <summary>POST <see cref="ServerCertificateRequest"/>; answers <see cref="Identity.CertificateAnswer"/> with a certificate for the management API.</summary>
    public static string CertificatePath(string id) => $"/api/gateway/{Uri.EscapeDataString(id)}/certificate";

    /// <summary>POST <see cref="ExposureSpec"/>: adds; answers the <see cref="Exposure"/>, 409 with who has the port, or 422 with every fault.</summary>
    public static string ExposuresPath(string id) => $"/api/gateway/{Uri.EscapeDataString(id)}/exposures";

    /// <summary>POST <see cref="WithdrawRequest"/>; answers <see cref="WithdrawAnswer"/>, or 404.</summary>
    public static string WithdrawPath(string id) => $"/api/gateway/{Uri.EscapeDataString(id)}/exposures/withdraw";
}

/// <summary>The gateway's identifier.</summary>
/// <param name="GatewayId">Stays the same when another worker takes over.</param>
/// <param name="GatewayName">Name of the gateway host.</param>
public sealed record RegisterAnswer(
    [property: JsonPropertyName("gateway_id")] string GatewayId,
    [property: JsonPropertyName("gateway_name")] string GatewayName);

/// <summary>The gateway's internal addresses, with the names that Oakestra's first gateway code gave them.</summary>
public sealed record InternalAddresses(
    [property: JsonPropertyName("gateway_id")] string GatewayId,
    [property: JsonPropertyName("oakestra_gateway_ipv4")] string? Ipv4,
    [property: JsonPropertyName("oakestra_gateway_ipv6")] string? Ipv6);

/// <summary>What a gateway role reports.</summary>
/// <param name="Listeners">Sockets of the host that outside hosts reach, the management API's own left out; null leaves the last report.</param>
public sealed record GatewayReport([property: JsonPropertyName("listeners")] IReadOnlyList<HostListener>? Listeners);

/// <summary>Asks for a server certificate.</summary>
/// <param name="Csr">PKCS#10 as PEM; nothing of it but the key counts: the names are the gateway's internal addresses and name.</param>
public sealed record ServerCertificateRequest([property: JsonPropertyName("csr")] string? Csr);

/// <summary>Which exposures to withdraw: those with this protocol and port, and with the other fields where they are given.</summary>
public sealed record WithdrawRequest
{
    /// <summary>Default TCP.</summary>
    public Protocol Protocol { get; init; }

    /// <summary>1 to 65535.</summary>
    public int Port { get; init; }

    /// <summary>Null for any.</summary>
    public string? PublicAddress { get; init; }

    /// <summary>Null for any.</summary>
    public string? ServiceAddress { get; init; }

    /// <summary>1 to 65535; null for any.</summary>
    public int? ServicePort { get; init; }

    /// <summary>Who asked, for the cluster's log.</summary>
    public string? RequestedBy { get; init; }
}

/// <summary>What was withdrawn.</summary>
/// <param name="Withdrawn">The exposures, as they were.</param>
public sealed record WithdrawAnswer(IReadOnlyList<Exposure> Withdrawn);

/// <summary>Source-generated JSON of these messages.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(RegisterAnswer))]
[JsonSerializable(typeof(InternalAddresses))]
[JsonSerializable(typeof(GatewayReport))]
[JsonSerializable(typeof(ServerCertificateRequest))]
[JsonSerializable(typeof(Identity.CertificateAnswer))]
[JsonSerializable(typeof(WithdrawRequest))]
[JsonSerializable(typeof(WithdrawAnswer))]
[JsonSerializable(typeof(ExposureSpec))]
[JsonSerializable(typeof(Exposure))]
[JsonSerializable(typeof(Status))]
public sealed partial class GatewayJson : JsonSerializerContext;

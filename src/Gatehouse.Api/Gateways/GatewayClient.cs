using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Gateways;

/// <summary>A gateway role's calls to its cluster: <see cref="GatewayProtocol"/>.</summary>
/// <remarks>Safe for any thread. A refusal throws <see cref="ApiStatusException"/>; a cluster that can't be reached throws <see cref="ApiUnreachableException"/>.</remarks>
public sealed class GatewayClient(HttpObjectClientOptions options) : IDisposable
{
    private readonly ApiTransport _transport = new(options);

    /// <summary>Says that the gateway role came up; the answer is its identifier.</summary>
    public Task<RegisterAnswer> RegisterAsync(CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, GatewayProtocol.RegisterPath, "{}"u8.ToArray(), GatewayJson.Default.RegisterAnswer, cancellation);

    /// <summary>The gateway's internal addresses.</summary>
    public Task<InternalAddresses> IpAsync(string id, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, GatewayProtocol.IpPath(id), null, GatewayJson.Default.InternalAddresses, cancellation);

    /// <summary>Reports readiness and the host's listeners.</summary>
    public Task ReadyAsync(string id, GatewayReport report, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, GatewayProtocol.ReadyPath(id), Encode(report, GatewayJson.Default.GatewayReport), GatewayJson.Default.Status, cancellation);

    /// <summary>Reports the host's listeners.</summary>
    public Task ReportListenersAsync(string id, GatewayReport report, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, GatewayProtocol.ListenersPath(id), Encode(report, GatewayJson.Default.GatewayReport), GatewayJson.Default.Status, cancellation);

    /// <summary>A server certificate for the management API.</summary>
    public Task<CertificateAnswer> CertificateAsync(string id, string csr, CancellationToken cancellation) => SendAsync(
        HttpMethod.Post,
        GatewayProtocol.CertificatePath(id),
        Encode(new ServerCertificateRequest(csr), GatewayJson.Default.ServerCertificateRequest),
        GatewayJson.Default.CertificateAnswer,
        cancellation);

    /// <summary>Makes an exposure.</summary>
    public Task<Exposure> AddAsync(string id, ExposureSpec spec, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, GatewayProtocol.ExposuresPath(id), Encode(spec, GatewayJson.Default.ExposureSpec), GatewayJson.Default.Exposure, cancellation);

    /// <summary>Withdraws exposures.</summary>
    public Task<WithdrawAnswer> WithdrawAsync(string id, WithdrawRequest request, CancellationToken cancellation) => SendAsync(
        HttpMethod.Post,
        GatewayProtocol.WithdrawPath(id),
        Encode(request, GatewayJson.Default.WithdrawRequest),
        GatewayJson.Default.WithdrawAnswer,
        cancellation);

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    private static byte[] Encode<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    private async Task<T> SendAsync<T>(HttpMethod method, string path, byte[]? body, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        var request = new ApiRequest(method, path.TrimStart('/'), "gateway", Body: body is null ? null : new ReadOnlyMemory<byte>(body));
        using var answer = await _transport.SendAsync(request, cancellation);
        if (!answer.IsSuccess) throw new ApiStatusException(answer.ToStatus(request));
        try
        {
            return JsonSerializer.Deserialize(answer.Body, type) ?? throw new ApiUnreachableException($"{path}: the cluster answered with null", null);
        }
        catch (JsonException e)
        {
            throw new ApiUnreachableException($"{path}: the cluster answered with something else than was asked for: {e.Message}", e);
        }
    }
}

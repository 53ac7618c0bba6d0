using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Cluster.Gateways;

/// <summary>The surface for gateway roles: <see cref="GatewayProtocol"/>. Who calls comes from the certificate alone.</summary>
internal sealed class GatewayEndpoints(GatewayRegistry registry, ExposureDesk desk)
{
    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(GatewayProtocol.RegisterPath, RegisterAsync);
        endpoints.MapGet("/api/gateway/{id}/ip", IpAsync);
        endpoints.MapPost("/api/gateway/{id}/ready", context => ReportAsync(context, ready: true));
        endpoints.MapPost("/api/gateway/{id}/listeners", context => ReportAsync(context, ready: false));
        endpoints.MapPost("/api/gateway/{id}/certificate", CertificateAsync);
        endpoints.MapPost("/api/gateway/{id}/exposures", AddAsync);
        endpoints.MapPost("/api/gateway/{id}/exposures/withdraw", WithdrawAsync);
    }

    private Task RegisterAsync(HttpContext context) => AnswerAsync(context, async cancellation =>
    {
        if (context.GetUser()?.Worker is not { } worker) return Outcome<RegisterAnswer>.Refused(NotAWorker(context));
        return await registry.RegisterAsync(worker, cancellation);
    }, GatewayJson.Default.RegisterAnswer);

    private Task IpAsync(HttpContext context) => AnswerAsync(context, async cancellation =>
    {
        var (host, refusal) = await OwnAsync(context, cancellation);
        return host?.Status?.Internal is { } internalAddresses
            ? Outcome<InternalAddresses>.Done(new InternalAddresses(host.Status.GatewayId!, internalAddresses.Ipv4, internalAddresses.Ipv6))
            : Outcome<InternalAddresses>.Refused(refusal ?? Statuses.Refused(503, StatusReason.ServiceUnavailable, "the gateway's worker has no subnetwork yet"));
    }, GatewayJson.Default.InternalAddresses);

    private Task ReportAsync(HttpContext context, bool ready) => AnswerAsync(context, async cancellation =>
    {
        var (host, refusal) = await OwnAsync(context, cancellation);
        if (host is null) return Outcome<Status>.Refused(refusal!);
        var (report, bad) = await JsonBody.ReadAsync(context.Request, GatewayJson.Default.GatewayReport, new GatewayReport(null), cancellation);
        if (report is null) return Outcome<Status>.Refused(bad!);
        return await registry.ReportAsync(host, report, ready, cancellation) is { } refused
            ? Outcome<Status>.Refused(refused)
            : Outcome<Status>.Done(new Status { Code = StatusCodes.Status200OK, Message = $"gateway {host.Metadata.Name}: {(ready ? "ready" : "noted")}" });
    }, GatewayJson.Default.Status);

    private Task CertificateAsync(HttpContext context) => AnswerAsync(context, async cancellation =>
    {
        var (host, refusal) = await OwnAsync(context, cancellation);
        if (host is null) return Outcome<Api.Identity.CertificateAnswer>.Refused(refusal!);
        var (request, bad) = await JsonBody.ReadAsync(context.Request, GatewayJson.Default.ServerCertificateRequest, null, cancellation);
        return request is null ? Outcome<Api.Identity.CertificateAnswer>.Refused(bad!) : registry.IssueCertificate(host, request.Csr);
    }, GatewayJson.Default.CertificateAnswer);

    private Task AddAsync(HttpContext context) => AnswerAsync(context, async cancellation =>
    {
        var (host, refusal) = await OwnAsync(context, cancellation);
        if (host is null) return Outcome<Exposure>.Refused(refusal!);
        var (spec, bad) = await JsonBody.ReadAsync(context.Request, GatewayJson.Default.ExposureSpec, null, cancellation);
        return spec is null ? Outcome<Exposure>.Refused(bad!) : await desk.AddAsync(host, spec, cancellation);
    }, GatewayJson.Default.Exposure, StatusCodes.Status201Created);

    private Task WithdrawAsync(HttpContext context) => AnswerAsync(context, async cancellation =>
    {
        var (host, refusal) = await OwnAsync(context, cancellation);
        if (host is null) return Outcome<WithdrawAnswer>.Refused(refusal!);
        var (request, bad) = await JsonBody.ReadAsync(context.Request, GatewayJson.Default.WithdrawRequest, null, cancellation);
        return request is null ? Outcome<WithdrawAnswer>.Refused(bad!) : await desk.WithdrawAsync(host, request, cancellation);
    }, GatewayJson.Default.WithdrawAnswer);

    /// <summary>The gateway host in the path, if the caller may speak for it.</summary>
    private async Task<(GatewayHost? Host, Status? Refusal)> OwnAsync(HttpContext context, CancellationToken cancellation)
    {
        var user = context.GetUser();
        var id = context.GetRouteValue("id") as string ?? "";
        if (user?.Worker is null && user?.IsMaster != true) return (null, NotAWorker(context));
        if (await registry.FindAsync(id, cancellation) is not { } host)
        {
            // A worker learns nothing about identifiers that are not its own.
            return (null, user.IsMaster ? Statuses.Refused(404, StatusReason.NotFound, $"there is no gateway with id {id}") : NotYours(user.Worker!, id));
        }

        return user.IsMaster || host.Status?.Worker == user.Worker ? (host, null) : (null, NotYours(user.Worker!, id));
    }

    private static Status NotYours(string worker, string id) =>
        Statuses.Refused(StatusCodes.Status403Forbidden, StatusReason.Forbidden, $"worker {worker} does not serve gateway {id}");

    private static Status NotAWorker(HttpContext context) => Statuses.Refused(
        StatusCodes.Status403Forbidden,
        StatusReason.Forbidden,
        $"{context.GetUser()?.Name ?? "nobody"} is no worker: a gateway speaks with its worker's certificate");

    private static async Task AnswerAsync<T>(
        HttpContext context,
        Func<CancellationToken, Task<Outcome<T>>> act,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type,
        int code = StatusCodes.Status200OK)
        where T : class
    {
        var cancellation = context.RequestAborted;
        Outcome<T> outcome;
        try
        {
            outcome = await act(cancellation);
        }
        catch (ApiStatusException e)
        {
            outcome = Outcome<T>.Refused(e.Status);
        }

        if (outcome.Refusal is { } refusal) await JsonBody.WriteAsync(context.Response, refusal, cancellation);
        else await JsonBody.WriteAsync(context.Response, code, outcome.Value!, type, cancellation);
    }
}

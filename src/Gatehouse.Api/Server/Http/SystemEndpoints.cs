using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server.Metrics;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>What is not an object: health, version, metrics, joining.</summary>
internal sealed class SystemEndpoints(ApiServerOptions options, PrometheusText prometheus, EnrollmentDesk? desk, ApiServerMetrics metrics)
{
    /// <summary>May read <c>/metrics</c> beside operators.</summary>
    private const string MonitoringGroup = "system:monitoring";

    private static readonly byte[] Version = MakeVersion();

    /// <summary>Whether a path is answered without knowing who asks.</summary>
    public static bool IsOpen(string path) => path is "/healthz" or "/livez" or "/readyz" or "/version" or EnrollmentProtocol.JoinPath or EnrollmentProtocol.CaPath;

    /// <summary>Whether this class answers a path.</summary>
    public static bool Owns(string path) => IsOpen(path) || path is "/metrics" or EnrollmentProtocol.RenewPath;

    public ValueTask HandleAsync(HttpContext context, string path)
    {
        var expected = path is EnrollmentProtocol.JoinPath or EnrollmentProtocol.RenewPath ? "POST" : "GET";
        if (context.Request.Method != expected) return Answers.StatusAsync(context, Refusals.MethodNotAllowed(context.Request.Method, path));
        return path switch
        {
            "/version" => Answers.BytesAsync(context, 200, Answers.Json, Version),
            "/metrics" => MetricsAsync(context),
            EnrollmentProtocol.CaPath => Answers.TextAsync(context, 200, AuthoritiesPem(), "application/x-pem-file"),
            EnrollmentProtocol.JoinPath => JoinAsync(context),
            EnrollmentProtocol.RenewPath => RenewAsync(context),
            "/readyz" when options.RefuseReady?.Invoke() is { } why => Answers.TextAsync(context, 503, $"not ready: {why}\n"),
            _ => Answers.TextAsync(context, 200, "ok"),
        };
    }

    private ValueTask MetricsAsync(HttpContext context)
    {
        var user = context.GetUser();
        if (user is null || !user.IsMaster && !user.Groups.Contains(MonitoringGroup))
            return Answers.StatusAsync(context, Refusals.Of(403, StatusReason.Forbidden, $"User \"{user?.Name}\" cannot get path \"/metrics\": it is for operators and {MonitoringGroup}"));
        return Answers.TextAsync(context, 200, prometheus.Write(), PrometheusText.ContentType);
    }

    private async ValueTask JoinAsync(HttpContext context)
    {
        var (request, refusal) = await ReadAsync(context, EnrollmentJson.Default.JoinRequest);
        if (request is null) await Answers.StatusAsync(context, refusal!);
        else await AnswerAsync(context, KnownRole(request.Role), await desk!.JoinAsync(request, context.Connection.RemoteIpAddress, context.RequestAborted));
    }

    private async ValueTask RenewAsync(HttpContext context)
    {
        var (request, refusal) = await ReadAsync(context, EnrollmentJson.Default.RenewRequest);
        if (request is null)
        {
            await Answers.StatusAsync(context, refusal!);
            return;
        }

        if (context.Connection.ClientCertificate is not { } shown)
        {
            await Answers.StatusAsync(context, Refusals.Unauthorized("the certificate that is to be renewed must be shown"));
            return;
        }

        await AnswerAsync(context, "renew", await desk!.RenewAsync(request, context.GetUser()!, shown, context.RequestAborted));
    }

    private async ValueTask<(T? Value, Status? Refusal)> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        const int Limit = 64 * 1024;
        if (desk is null) return (null, Refusals.NoSuchPath());
        var (body, refusal) = await RequestBody.ReadObjectAsync(context.Request, Answers.Json, Limit, context.RequestAborted);
        if (body is null) return (null, refusal);
        try
        {
            return (body.Deserialize(type), null);
        }
        catch (JsonException e)
        {
            return (null, Refusals.BadRequest($"the body of the request does not fit: {e.Path}: {e.Message}"));
        }
    }

    private ValueTask AnswerAsync(HttpContext context, string what, EnrollmentOutcome outcome)
    {
        metrics.Joined(what, outcome.Refusal?.Reason ?? "issued");
        return outcome.Answer is { } answer
            ? Answers.RecordAsync(context, 200, answer, EnrollmentJson.Default.CertificateAnswer)
            : Answers.StatusAsync(context, outcome.Refusal!);
    }

    private string AuthoritiesPem() => (options.AuthoritySource?.Invoke() ?? options.Authority) is { } authority ? authority.RootPem + authority.ChainPem : "";

    private static string KnownRole(string? role) =>
        role is EnrollmentProtocol.ClusterRole or EnrollmentProtocol.WorkerRole or EnrollmentProtocol.OperatorRole ? role : "other";

    /// <summary>version.Info, which clients read for the minor version: the API speaks the form of Kubernetes 1.30.</summary>
    private static byte[] MakeVersion()
    {
        var version = typeof(SystemEndpoints).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("major", "1");
            writer.WriteString("minor", "30");
            writer.WriteString("gitVersion", $"v1.30.0+gatehouse-{version}");
            writer.WriteString("gitCommit", "");
            writer.WriteString("gitTreeState", "");
            writer.WriteString("buildDate", "");
            writer.WriteString("platform", $"linux/{System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}");
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Cluster.Oakestra;

/// <summary>
/// Oakestra's HTTP surface of the cluster service manager (port 10110). A deployment makes the cluster interested in the job, so that it is resolved before the
/// first packet; updates need no call, since root's changes arrive by watch, and are acknowledged.
/// </summary>
internal sealed class OakestraCluster(ClusterOptions options, ClusterState state)
{
    /// <summary>The holder of the interests that deployments make; no worker can have this name.</summary>
    public const string Holder = "oakestra.deployments";

    private const int MaxBytes = 1 << 20;

    /// <summary>The listeners that the options ask for.</summary>
    public IReadOnlyList<SideListener> Listeners =>
    [
        .. options.Oakestra.Listen.Select(e => new SideListener(e, Tls: false, Map, Refusals)),
        .. options.Oakestra.ListenTls.Select(e => new SideListener(e, Tls: true, Map, Refusals)),
    ];

    private static RefusalShape Refusals { get; } = new(static (context, status) => WriteAsync(context, new Reply(status.Code, status.Reason ?? "refused", status.Message)));

    private void Map(IEndpointRouteBuilder all)
    {
        var endpoints = all.MapGroup("");
        if (options.Oakestra.AllowAnonymousClusterManager) endpoints.AllowAnonymous();
        endpoints.MapPost("/api/net/deployment", Answer(DeployAsync));
        endpoints.MapDelete("/api/net/deployment/{job}", Answer(RemoveAsync));
        endpoints.MapPost("/api/net/job/update", Answer(UpdateAsync));
    }

    private async Task<Reply> DeployAsync(HttpContext context)
    {
        var body = await ReadAsync(context);
        if (body.Fault is { } fault) return fault;
        if (JobName(body.Json) is not { } job) return Reply.Bad("Invalid argument", "job_name is required: a service's name");
        var interest = new Interest { Metadata = new ObjectMeta { Name = Interest.NameFor(Holder, job) }, Spec = new InterestSpec { Holder = Holder, Query = job } };
        try
        {
            await state.Local.CreateAsync(interest, context.RequestAborted);
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            // Sent again: the interest is renewed.
            await state.Local.MergePatchAsync<Interest>(interest.Key, """{"spec":{"renewedAt":null}}""", null, context.RequestAborted);
        }

        return Reply.Done("job stored succesfully");
    }

    private async Task<Reply> RemoveAsync(HttpContext context)
    {
        var job = (context.Request.RouteValues["job"]?.ToString() ?? "").ToLowerInvariant();
        if (!Names.IsSubdomain(job)) return Reply.Bad("Invalid argument", $"'{job}' is no service's name");
        return await state.Local.DeleteAsync<Interest>(Interest.NameFor(Holder, job), null, context.RequestAborted)
            ? Reply.Done("job removed succesfully")
            : new Reply(404, "job not found", $"this cluster has no deployment of {job}");
    }

    private async Task<Reply> UpdateAsync(HttpContext context)
    {
        var body = await ReadAsync(context);
        if (body.Fault is { } fault) return fault;
        if (JobName(body.Json) is not { } job) return Reply.Bad("Invalid Parameters", "job_name is required: a service's name");
        if (!body.Json.TryGetProperty("instance_number", out var number) || number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out var n) || n < -1)
            return Reply.Bad("Invalid instancenum", "instance_number is required: a number of 0 or more, or -1 for all");
        if (!body.Json.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String || type.GetString() is not ("DEPLOYMENT" or "UNDEPLOYMENT"))
            return Reply.Bad("Invalid type", "type is required: DEPLOYMENT or UNDEPLOYMENT");
        state.MarkService(job);
        return Reply.Done("update notification received");
    }

    private static string? JobName(JsonElement json) =>
        json.TryGetProperty("job_name", out var value) && value.ValueKind == JsonValueKind.String && value.GetString()?.ToLowerInvariant() is { } name && Names.IsSubdomain(name) ? name : null;

    private static async Task<(JsonElement Json, Reply? Fault)> ReadAsync(HttpContext context)
    {
        using var limit = new MemoryStream();
        var chunk = new byte[8_192];
        for (var n = await context.Request.Body.ReadAsync(chunk, context.RequestAborted); n > 0; n = await context.Request.Body.ReadAsync(chunk, context.RequestAborted))
        {
            if (limit.Length + n > MaxBytes) return (default, new Reply(413, "Invalid argument", $"the body is longer than {MaxBytes} bytes"));
            limit.Write(chunk, 0, n);
        }

        if (!ForeignJson.TryReadDocument(limit.ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false }, out var document, out var fault))
            return (default, Reply.Bad("Invalid argument", $"the body {fault}"));
        using (document)
        {
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? (document.RootElement.Clone(), null)
                : (default, Reply.Bad("Invalid argument", $"the body must be a JSON object, not {ForeignJson.Word(document.RootElement.ValueKind)}"));
        }
    }

    private static RequestDelegate Answer(Func<HttpContext, Task<Reply>> act) => async context =>
    {
        Reply reply;
        try
        {
            // Nobody gets here without credentials but where the options allow it; who shows some has to be an operator.
            reply = context.GetUser() is { IsMaster: false } user ? new Reply(403, "Forbidden", $"{user.Name} may not deploy: an operator may") : await act(context);
        }
        catch (ApiStatusException e)
        {
            reply = new Reply(e.Status.Code, "Service resolution failed", e.Message);
        }

        await WriteAsync(context, reply);
    };

    private static Task WriteAsync(HttpContext context, Reply reply)
    {
        context.Response.StatusCode = reply.Code;
        context.Response.ContentType = reply.Detail is null ? "text/html; charset=utf-8" : "application/json";
        return context.Response.WriteAsync(
            reply.Detail is null ? reply.Text : JsonSerializer.Serialize(new OakestraRefusal(reply.Text, reply.Detail), OakestraClusterJson.Default.OakestraRefusal),
            context.RequestAborted);
    }

    private sealed record Reply(int Code, string Text, string? Detail)
    {
        public static Reply Done(string text) => new(200, text, null);

        public static Reply Bad(string text, string detail) => new(400, text, detail);
    }
}

/// <summary>The body of every answer that is no success.</summary>
internal sealed record OakestraRefusal([property: JsonPropertyName("message")] string Message, [property: JsonPropertyName("detail")] string Detail);

[JsonSerializable(typeof(OakestraRefusal))]
internal sealed partial class OakestraClusterJson : JsonSerializerContext;

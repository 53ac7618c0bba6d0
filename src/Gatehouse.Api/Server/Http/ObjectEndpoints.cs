using System.Globalization;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>A request for objects, as far as its path and query go.</summary>
internal readonly record struct ObjectRequest(HttpContext Context, UserInfo User, RegisteredKind Kind, RequestPath Path)
{
    public ObjectKey Key => new(Path.Namespace, Path.Name!);

    public CancellationToken Aborted => Context.RequestAborted;

    /// <summary>A query parameter; null when absent or empty.</summary>
    public string? Query(string name) => Context.Request.Query[name] is [{ Length: > 0 } value, ..] ? value : null;

    public bool Flag(string name) => Query(name) is "1" or "true" or "True" or "TRUE" or "t" or "T";

    /// <summary>Whether a parameter is a flag at all, in the spellings that Kubernetes takes.</summary>
    public bool IsFlag(string name) => Query(name) is null or "0" or "false" or "False" or "FALSE" or "f" or "F" || Flag(name);
}

/// <summary>Objects over HTTP: method and path to verb, verb to registry, outcome to answer.</summary>
internal sealed class ObjectEndpoints(ObjectReader reader, ObjectWriter writer, WatchEndpoint watches, ApiServerOptions options)
{
    /// <summary>Kubernetes' word for what a request does; null when method and path don't go together.</summary>
    public static string? VerbOf(string method, RequestPath path, bool watch) => (method, path.Name is not null) switch
    {
        ("GET", false) => watch ? "watch" : "list",
        ("GET", true) => "get",
        ("POST", false) => "create",
        ("PUT", true) => "update",
        ("PATCH", true) => "patch",
        ("DELETE", true) when path.Subresource is null => "delete",
        _ => null,
    };

    public ValueTask HandleAsync(ObjectRequest request, string verb) => verb switch
    {
        "get" => GetAsync(request),
        "list" => ListAsync(request),
        "watch" => watches.HandleAsync(request),
        "create" => CreateAsync(request),
        "update" => UpdateAsync(request),
        "patch" => PatchAsync(request),
        _ => DeleteAsync(request),
    };

    private async ValueTask GetAsync(ObjectRequest request)
    {
        var outcome = await reader.GetAsync(request.Kind, request.User, request.Key, request.Path.Subresource, request.Aborted);
        if (outcome.Refusal is { } refusal) await Answers.StatusAsync(request.Context, refusal);
        else if (Accepts.WantsTable(request.Context.Request)) await Answers.TableAsync(request.Context, request.Kind, [outcome.Entry!], null, options.Time.GetUtcNow());
        else await Answers.ObjectAsync(request.Context, request.Kind, outcome.Entry!);
    }

    private async ValueTask ListAsync(ObjectRequest request)
    {
        if (!TryReadLimit(request, out var limit))
        {
            await Answers.StatusAsync(request.Context, Refusals.BadRequest($"limit '{request.Query("limit")}' is not valid: must be a whole number, 0 for all"));
            return;
        }

        var revision = request.Query("resourceVersion");
        var match = request.Query("resourceVersionMatch");
        // A page at a given revision was exact before resourceVersionMatch existed, and still is.
        var exact = match == "Exact" || match is null && limit > 0 && revision is not (null or "0");
        var query = new ListQuery(request.Path.Namespace, request.Query("labelSelector"), request.Query("fieldSelector"), limit, request.Query("continue"), revision, exact);
        var (page, refusal) = match is null or "Exact" or "NotOlderThan"
            ? await reader.ListAsync(request.Kind, request.User, query, request.Aborted)
            : (null, Refusals.BadRequest($"resourceVersionMatch '{match}' is not valid: must be Exact or NotOlderThan"));
        if (page is null)
        {
            await Answers.StatusAsync(request.Context, refusal!);
        }
        else if (Accepts.WantsTable(request.Context.Request))
        {
            var metadata = new ListMeta(page.Revision.ToString(CultureInfo.InvariantCulture), page.Continue, page.Remaining);
            await Answers.TableAsync(request.Context, request.Kind, page.Entries, metadata, options.Time.GetUtcNow());
        }
        else
        {
            await Answers.ListAsync(request.Context, request.Kind, page, request.Aborted);
        }
    }

    private async ValueTask CreateAsync(ObjectRequest request)
    {
        var (body, refusal) = await ReadBodyAsync(request, Answers.Json);
        var items = body is null ? null : BulkCreate.ItemsOf(request.Kind, body);
        if (body is not null) refusal = Validate(request, items is null ? [body] : items.OfType<JsonObject>());
        if (items is not null && refusal is null)
        {
            await Answers.BytesAsync(request.Context, 200, Answers.Json, await BulkCreate.RunAsync(request, writer, items));
            return;
        }

        var outcome = refusal is not null ? refusal : await writer.CreateAsync(request.Kind, request.User, request.Path.Namespace, body!, request.Aborted);
        await WriteAsync(request, outcome, 201);
    }

    private async ValueTask UpdateAsync(ObjectRequest request)
    {
        var (body, refusal) = await ReadAsync(request, Answers.Json);
        var outcome = body is null ? refusal! : await writer.UpdateAsync(request.Kind, request.User, request.Key, request.Path.Subresource, body, request.Aborted);
        await WriteAsync(request, outcome, 200);
    }

    private async ValueTask PatchAsync(ObjectRequest request)
    {
        var (body, refusal) = await ReadAsync(request, RequestBody.MergePatch);
        var outcome = body is null ? refusal! : await writer.MergePatchAsync(request.Kind, request.User, request.Key, request.Path.Subresource, body, request.Aborted);
        await WriteAsync(request, outcome, 200);
    }

    private async ValueTask DeleteAsync(ObjectRequest request)
    {
        var (preconditions, refusal) = await ReadDeleteOptionsAsync(request);
        var outcome = refusal is null ? await writer.DeleteAsync(request.Kind, request.User, request.Key, preconditions, request.Aborted) : refusal;
        if (outcome.Deleted is { } deleted)
        {
            var uid = WriteRules.Text(ObjectBytes.Parse(deleted)["metadata"]!["uid"]);
            await Answers.StatusAsync(request.Context, Refusals.Deleted(request.Kind, request.Path.Name!, uid));
            return;
        }

        await WriteAsync(request, outcome, 200);
    }

    private async ValueTask<(DeletePreconditions? Preconditions, Status? Refusal)> ReadDeleteOptionsAsync(ObjectRequest request)
    {
        if (request.Query("dryRun") is not null) return (null, NoDryRun());
        var (bytes, refusal) = await RequestBody.ReadAsync(request.Context.Request, options.Limits.BodyBytes, request.Aborted);
        if (bytes is null) return (null, refusal);
        if (bytes.Length == 0) return (null, null);
        if (!BodyJson.TryParse(bytes, out var body, out var fault)) return (null, Refusals.BadRequest(fault));
        if (body["dryRun"] is not null) return (null, NoDryRun());
        if (body["preconditions"] is not { } given) return (null, null);
        if (given is not JsonObject conditions) return (null, Refusals.BadRequest("preconditions must be an object with uid and resourceVersion"));
        foreach (var (name, value) in conditions)
        {
            if (value is not null && WriteRules.Text(value) is null) return (null, Refusals.BadRequest($"preconditions.{name} must be a string"));
        }

        return (new DeletePreconditions(WriteRules.Text(conditions["uid"]), WriteRules.Text(conditions["resourceVersion"])), null);
    }

    private async ValueTask<(JsonObject? Body, Status? Refusal)> ReadAsync(ObjectRequest request, string type)
    {
        var (body, refusal) = await ReadBodyAsync(request, type);
        if (body is not null) refusal = Validate(request, [body]);
        return refusal is null ? (body, null) : (null, refusal);
    }

    private static Status? Validate(ObjectRequest request, IEnumerable<JsonObject> objects) =>
        objects.Select(o => FieldValidation.Refuse(request, o)).FirstOrDefault(static r => r is not null);

    private async ValueTask<(JsonObject? Body, Status? Refusal)> ReadBodyAsync(ObjectRequest request, string type)
    {
        // A client that asks for a rehearsal must not get the real thing.
        if (request.Query("dryRun") is not null) return (null, NoDryRun());
        return await RequestBody.ReadObjectAsync(request.Context.Request, type, options.Limits.BodyBytes, request.Aborted);
    }

    private static Status NoDryRun() => Refusals.BadRequest("dryRun is not offered by this server");

    private ValueTask WriteAsync(ObjectRequest request, ObjectOutcome outcome, int code)
    {
        if (outcome.Refusal is { } refusal) return Answers.StatusAsync(request.Context, refusal);
        return Accepts.WantsTable(request.Context.Request)
            ? Answers.TableAsync(request.Context, request.Kind, [outcome.Entry!], null, options.Time.GetUtcNow())
            : Answers.ObjectAsync(request.Context, request.Kind, outcome.Entry!, code);
    }

    private static bool TryReadLimit(ObjectRequest request, out int limit)
    {
        limit = 0;
        return request.Query("limit") is not { } text || int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit);
    }
}

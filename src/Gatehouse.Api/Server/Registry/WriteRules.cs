using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Registry;

/// <summary>What a write may say and what the server decides itself (Kubernetes' API conventions). Pure: all of it works on JSON at hand.</summary>
internal static class WriteRules
{
    /// <summary>The store's limit for a value, as etcd's.</summary>
    private const int ValueLimit = 1536 * 1024;

    private const int GeneratedNameLimit = 58;

    /// <summary>Set by the server alone; what a client sends in them is ignored.</summary>
    private static readonly string[] ServerFields =
        ["name", "generateName", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"];

    /// <summary>Whether a body is the object that the path speaks of. Adds the path's namespace where the body is silent.</summary>
    /// <param name="key">With an empty name for a create.</param>
    public static Status? CheckBody(RegisteredKind kind, ObjectKey key, JsonObject body)
    {
        foreach (var (field, expected) in (ReadOnlySpan<(string, string)>)[("kind", kind.Info.Kind), ("apiVersion", kind.Info.ApiVersion)])
        {
            var given = Text(body[field]);
            if (string.IsNullOrEmpty(given)) return Refusals.BadRequest($"Object '{field}' is missing: must be '{expected}'");
            if (given != expected) return Refusals.BadRequest($"the {field} in the data ({given}) does not match the expected {field} ({expected})");
        }

        body["metadata"] ??= new JsonObject();
        if (body["metadata"] is not JsonObject metadata) return Refusals.BadRequest("metadata must be an object");
        var name = Text(metadata["name"]);
        if (key.Name.Length > 0 && !string.IsNullOrEmpty(name) && name != key.Name)
            return Refusals.BadRequest($"the name of the object ({name}) does not match the name on the URL ({key.Name})");
        var space = Text(metadata["namespace"]);
        if (key.Namespace is not null && !string.IsNullOrEmpty(space) && space != key.Namespace)
            return Refusals.BadRequest($"the namespace of the provided object ({space}) does not match the namespace sent on the request ({key.Namespace})");
        if (key.Namespace is not null) metadata["namespace"] = key.Namespace;
        return null;
    }

    /// <summary>What the server says of a new object.</summary>
    public static void PrepareNew(RegisteredKind kind, string? space, JsonObject value, DateTimeOffset now)
    {
        var metadata = value["metadata"]!.AsObject();
        metadata.Remove("deletionTimestamp");
        metadata.Remove("deletionGracePeriodSeconds");
        if (space is not null) metadata["namespace"] = space;
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["generation"] = 1;
        metadata["creationTimestamp"] = Time(now);
        if (kind.Info.HasStatus) value.Remove("status");
    }

    /// <summary>Lets through what the subresource may change and nothing else.</summary>
    public static void PrepareChange(RegisteredKind kind, string? subresource, JsonObject old, JsonObject next)
    {
        if (subresource is not null)
        {
            var status = next["status"]?.DeepClone();
            next.Clear();
            foreach (var (name, member) in old) next[name] = member?.DeepClone();
            next["status"] = status;
            return;
        }

        var (metadata, oldMetadata) = (next["metadata"]!.AsObject(), old["metadata"]!.AsObject());
        foreach (var field in ServerFields) Carry(oldMetadata, metadata, field);
        Carry(oldMetadata, metadata, "resourceVersion");
        if (kind.Info.HasStatus) Carry(old, next, "status");
    }

    /// <summary>The conditions that an update or patch carries in its metadata: the last revision, the identity.</summary>
    public static Status? RefuseStale(RegisteredKind kind, ObjectKey key, JsonObject old, JsonObject next)
    {
        var (metadata, oldMetadata) = (next["metadata"]!.AsObject(), old["metadata"]!.AsObject());
        if (metadata["resourceVersion"] is { } revision)
        {
            var text = Text(revision);
            if (text is null || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                return Refusals.Invalid(kind, key.Name, [new Fault("metadata.resourceVersion", text ?? revision.ToJsonString(), "must be the resourceVersion of a read, as a string")]);
            if (text != Text(oldMetadata["resourceVersion"])) return Refusals.Modified(kind, key.Name);
        }

        return RefusePreconditions(kind, key, old, new DeletePreconditions(Uid: Text(metadata["uid"])));
    }

    public static Status? RefusePreconditions(RegisteredKind kind, ObjectKey key, JsonObject old, DeletePreconditions? preconditions)
    {
        var metadata = old["metadata"]!;
        if (preconditions?.Uid is { Length: > 0 } uid && uid != Text(metadata["uid"]))
            return Refusals.Conflict(kind, key.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {Text(metadata["uid"])}");
        if (preconditions?.ResourceVersion is { Length: > 0 } revision && revision != Text(metadata["resourceVersion"]))
            return Refusals.Conflict(kind, key.Name, $"Precondition failed: ResourceVersion in precondition: {revision}, ResourceVersion in object meta: {Text(metadata["resourceVersion"])}");
        return null;
    }

    /// <summary>Completes the object; refuses with all its faults when it can't be read as its record.</summary>
    public static Status? CheckReadable(RegisteredKind kind, ObjectKey key, JsonObject value) =>
        kind.Info.Complete(value) ? null : Check(kind, key, value, null, kind.Encode(value));

    /// <summary>All rules at once, on the object as it will be stored.</summary>
    /// <param name="old">Null for a new object.</param>
    /// <param name="bytes">The value, encoded.</param>
    public static Status? Check(RegisteredKind kind, ObjectKey key, JsonObject value, JsonObject? old, byte[] bytes)
    {
        if (bytes.Length > ValueLimit) return Refusals.TooLarge(ValueLimit);
        var metadata = value["metadata"]!.AsObject();
        using var document = JsonDocument.Parse(bytes);
        List<Fault> faults =
        [
            .. MetadataRules.Check(metadata, kind.Info)
                .Concat(CheckFinalizers(metadata, old))
                .Concat(kind.Info.Validate(document.RootElement))
                .Distinct(),
        ];
        return faults.Count == 0 ? null : Refusals.Invalid(kind, key.Name, faults);
    }

    /// <summary>An admission's 422 together with what the kind's own rules say, so that nobody has to mend an object twice; other refusals stay as they are.</summary>
    public static Status WithAllFaults(Status refusal, RegisteredKind kind, ObjectKey key, JsonObject value, JsonObject? old)
    {
        if (refusal.Code != 422 || refusal.Details?.Causes is not { } known) return refusal;
        if (Check(kind, key, value, old, kind.Encode(value))?.Details?.Causes is not { } further) return refusal;
        List<StatusCause> added = [.. further.Where(c => !known.Any(k => k.Field == c.Field))];
        return added.Count == 0 ? refusal : refusal with
        {
            Message = $"{refusal.Message}; {string.Join("; ", added.Select(c => c.Message))}",
            Details = refusal.Details with { Causes = [.. known, .. added] },
        };
    }

    /// <summary>Raises the generation when anything but metadata and status changed.</summary>
    public static void CountGeneration(JsonObject old, JsonObject next)
    {
        static IEnumerable<string> Desired(JsonObject value) => value.Select(static m => m.Key).Where(static n => n is not ("metadata" or "status"));
        if (Desired(old).Union(Desired(next)).All(n => JsonNode.DeepEquals(old[n], next[n]))) return;
        next["metadata"]!["generation"] = Generation(old) + 1;
    }

    /// <summary>Whether an object waits for nothing more than this write to be gone.</summary>
    public static bool IsFinished(JsonObject value) =>
        value["metadata"]!["deletionTimestamp"] is not null && value["metadata"]!["finalizers"] is not JsonArray { Count: > 0 };

    /// <summary>Marks an object that finalizers hold.</summary>
    public static void MarkDeleted(JsonObject value, DateTimeOffset now)
    {
        var metadata = value["metadata"]!.AsObject();
        metadata["deletionTimestamp"] = Time(now);
        metadata["deletionGracePeriodSeconds"] = 0;
        metadata["generation"] = Generation(value) + 1;
    }

    /// <summary>Five random letters that form no words (Kubernetes' own alphabet) behind a base.</summary>
    public static string GenerateName(string start) =>
        (start.Length > GeneratedNameLimit ? start[..GeneratedNameLimit] : start) + RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5);

    public static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static IEnumerable<Fault> CheckFinalizers(JsonObject metadata, JsonObject? old)
    {
        if (old?["metadata"]?["deletionTimestamp"] is null || metadata["finalizers"] is not JsonArray items) yield break;
        var known = old["metadata"]!["finalizers"] as JsonArray ?? [];
        foreach (var item in items)
        {
            if (!known.Any(k => JsonNode.DeepEquals(k, item)))
                yield return new Fault("metadata.finalizers", Text(item) ?? "", "no new finalizers can be added if the object is being deleted");
        }
    }

    private static void Carry(JsonObject from, JsonObject to, string field)
    {
        if (from[field] is { } value) to[field] = value.DeepClone();
        else to.Remove(field);
    }

    private static long Generation(JsonObject value) => value["metadata"]!["generation"] is JsonValue number && number.TryGetValue<long>(out var generation) ? generation : 0;

    private static string Time(DateTimeOffset now) => now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Store;

namespace Gatehouse.Api.Server.Registry;

/// <summary>
/// Writes: create, update, patch, status, delete. The one pipeline for HTTP and <c>LocalObjectClient</c>: authorise, apply, complete, admit, validate, write;
/// a lost race starts again from the read.
/// </summary>
internal sealed class ObjectWriter(IRevisionStore store, ObjectReader reader, TimeProvider time, int conflictRetries, ApiServerMetrics metrics)
{
    private const int NameTries = 8;

    /// <summary>Creates an object; with generateName under a name that is free.</summary>
    /// <param name="body">Taken over and changed.</param>
    public ValueTask<ObjectOutcome> CreateAsync(RegisteredKind kind, UserInfo user, string? space, JsonObject body, CancellationToken cancellation) =>
        GuardAsync(CreateNamedAsync(kind, user, space, body, cancellation));

    private async ValueTask<ObjectOutcome> CreateNamedAsync(RegisteredKind kind, UserInfo user, string? space, JsonObject body, CancellationToken cancellation)
    {
        if (WriteRules.CheckBody(kind, new ObjectKey(space, ""), body) is { } wrong) return wrong;
        var metadata = body["metadata"]!.AsObject();
        if (metadata["resourceVersion"] is not null) return Refusals.BadRequest("resourceVersion should not be set on objects to be created");
        var generated = WriteRules.Text(metadata["name"]) is null or "" ? WriteRules.Text(metadata["generateName"]) : null;
        for (var tries = 1; ; tries++)
        {
            var value = generated is null ? body : body.DeepClone().AsObject();
            if (!string.IsNullOrEmpty(generated)) value["metadata"]!["name"] = WriteRules.GenerateName(generated);
            var outcome = await CreateOnceAsync(kind, user, space, value, cancellation);
            if (string.IsNullOrEmpty(generated) || outcome.Refusal?.Reason != StatusReason.AlreadyExists || tries == NameTries) return outcome;
        }
    }

    /// <summary>Replaces an object, or its status.</summary>
    public ValueTask<ObjectOutcome> UpdateAsync(
        RegisteredKind kind, UserInfo user, ObjectKey key, string? subresource, JsonObject body, CancellationToken cancellation)
    {
        if (WriteRules.CheckBody(kind, key, body) is { } wrong) return new ValueTask<ObjectOutcome>(wrong);
        return GuardAsync(ChangeAsync(kind, user, "update", key, subresource, _ => body.DeepClone().AsObject(), cancellation));
    }

    /// <summary>Merges a patch into an object, or into its status.</summary>
    public ValueTask<ObjectOutcome> MergePatchAsync(
        RegisteredKind kind, UserInfo user, ObjectKey key, string? subresource, JsonObject patch, CancellationToken cancellation) =>
        GuardAsync(ChangeAsync(kind, user, "patch", key, subresource, old =>
        {
            var next = old.DeepClone().AsObject();
            // Only a revision that the patch itself names is a condition.
            next["metadata"]!.AsObject().Remove("resourceVersion");
            return MergePatch.Apply(next, patch)!.AsObject();
        }, cancellation));

    /// <summary>Deletes an object, or marks it while finalizers remain.</summary>
    public ValueTask<ObjectOutcome> DeleteAsync(
        RegisteredKind kind, UserInfo user, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) =>
        GuardAsync(RemoveAsync(kind, user, key, preconditions, cancellation));

    /// <summary>A store that can't write is the server's state, not the caller's fault: 503, try again.</summary>
    private static async ValueTask<ObjectOutcome> GuardAsync(ValueTask<ObjectOutcome> write)
    {
        try
        {
            return await write;
        }
        catch (StoreException e)
        {
            return Refusals.Unavailable(e.Message);
        }
    }

    private async ValueTask<ObjectOutcome> RemoveAsync(
        RegisteredKind kind, UserInfo user, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
    {
        for (var tries = 0; ; tries++)
        {
            var entry = await store.GetAsync(kind.KeyOf(key), 0, cancellation);
            var old = entry is null ? null : ObjectBytes.Parse(entry);
            var request = new AuthorizationRequest(user, "delete", kind.Info, null, key.Namespace, key.Name, null, old);
            if (reader.Authorize(kind, request) is { } forbidden) return forbidden;
            if (entry is null || old is null) return Refusals.NotFound(kind, key.Name);
            if (WriteRules.RefusePreconditions(kind, key, old, preconditions) is { } conflict) return conflict;
            var outcome = await DeleteOnceAsync(kind, user, key, entry, old, cancellation);
            if (outcome is { } done) return done;
            // With a revision as condition the object has moved on for good; without, the next read decides.
            if (tries >= conflictRetries) return Refusals.Modified(kind, key.Name);
            metrics.Retried(kind);
        }
    }

    private async ValueTask<ObjectOutcome> CreateOnceAsync(RegisteredKind kind, UserInfo user, string? space, JsonObject value, CancellationToken cancellation)
    {
        var metadata = value["metadata"]!.AsObject();
        WriteRules.PrepareNew(kind, space, value, time.GetUtcNow());
        var key = new ObjectKey(space, WriteRules.Text(metadata["name"]) ?? "");
        // Before the authorizer and the admissions, so that both can read the object as its record.
        if (WriteRules.CheckReadable(kind, key, value) is { } unreadable) return unreadable;
        var authorization = new AuthorizationRequest(user, "create", kind.Info, null, space, null, null, value);
        if (reader.Authorize(kind, authorization) is { } forbidden) return forbidden;
        var admission = new AdmissionRequest { Verb = AdmissionVerb.Create, Kind = kind.Info, Key = key, User = user, Object = value };
        await using var admitted = new AdmissionRound(kind.Admissions, admission);
        if (await admitted.AdmitAsync(cancellation) is { } refused) return WriteRules.WithAllFaults(refused, kind, key, value, null);
        var bytes = kind.Encode(value);
        if (WriteRules.Check(kind, key, value, null, bytes) is { } invalid) return invalid;
        var result = await admitted.WriteAsync(store, new StoreWrite(kind.KeyOf(key), bytes, 0));
        if (!result.Written) return Refusals.AlreadyExists(kind, key.Name);
        return new StoreEntry(kind.KeyOf(key), bytes, result.Revision, result.Revision);
    }

    private async ValueTask<ObjectOutcome> ChangeAsync(
        RegisteredKind kind, UserInfo user, string verb, ObjectKey key, string? subresource, Func<JsonObject, JsonObject> apply, CancellationToken cancellation)
    {
        for (var tries = 0; ; tries++)
        {
            var entry = await store.GetAsync(kind.KeyOf(key), 0, cancellation);
            var old = entry is null ? null : ObjectBytes.Parse(entry);
            var authorization = new AuthorizationRequest(user, verb, kind.Info, subresource, key.Namespace, key.Name, null, old);
            if (reader.Authorize(kind, authorization) is { } forbidden) return forbidden;
            if (entry is null || old is null) return Refusals.NotFound(kind, key.Name);
            var next = apply(old);
            if (WriteRules.CheckBody(kind, key, next) is { } wrong) return wrong;
            var conditional = next["metadata"]!["resourceVersion"] is not null;
            if (WriteRules.RefuseStale(kind, key, old, next) is { } stale) return stale;
            WriteRules.PrepareChange(kind, subresource, old, next);
            if (WriteRules.CheckReadable(kind, key, next) is { } unreadable) return unreadable;
            // Asked twice: nobody may take an object that is not his, nor turn his own into another's.
            if (reader.Authorize(kind, authorization with { Object = next }) is { } alsoForbidden) return alsoForbidden;
            var outcome = await ChangeOnceAsync(kind, user, key, subresource, entry, old, next, cancellation);
            if (outcome is { } done) return done;
            if (conditional || tries >= conflictRetries) return Refusals.Modified(kind, key.Name);
            metrics.Retried(kind);
        }
    }

    /// <returns>Null when another write came between.</returns>
    private async ValueTask<ObjectOutcome?> ChangeOnceAsync(
        RegisteredKind kind, UserInfo user, ObjectKey key, string? subresource, StoreEntry entry, JsonObject old, JsonObject next, CancellationToken cancellation)
    {
        var verb = subresource is null ? AdmissionVerb.Update : AdmissionVerb.UpdateStatus;
        var admission = new AdmissionRequest { Verb = verb, Kind = kind.Info, Key = key, User = user, Object = next, Old = old };
        await using var admitted = new AdmissionRound(kind.Admissions, admission);
        if (await admitted.AdmitAsync(cancellation) is { } refused) return WriteRules.WithAllFaults(refused, kind, key, next, old);
        WriteRules.CountGeneration(old, next);
        var bytes = kind.Encode(next);
        if (WriteRules.Check(kind, key, next, old, bytes) is { } invalid) return invalid;
        if (WriteRules.IsFinished(next))
        {
            // The last finalizer of a deleted object is gone, and so is the object.
            var end = await admitted.WriteAsync(store, new StoreWrite(entry.Key, null, entry.Revision));
            return end.Written ? new ObjectOutcome(entry, null) : (ObjectOutcome?)null;
        }

        if (entry.Value.Span.SequenceEqual(bytes))
        {
            // Nothing changes: no write, no event. What was admitted is what is stored, so nothing is given back.
            admitted.Keep();
            return entry;
        }

        var result = await admitted.WriteAsync(store, new StoreWrite(entry.Key, bytes, entry.Revision));
        return result.Written ? new StoreEntry(entry.Key, bytes, result.Revision, entry.CreateRevision) : (ObjectOutcome?)null;
    }

    private async ValueTask<ObjectOutcome?> DeleteOnceAsync(
        RegisteredKind kind, UserInfo user, ObjectKey key, StoreEntry entry, JsonObject old, CancellationToken cancellation)
    {
        var metadata = old["metadata"]!.AsObject();
        var waits = metadata["finalizers"] is JsonArray { Count: > 0 };
        if (waits && metadata["deletionTimestamp"] is not null) return entry;
        var admission = new AdmissionRequest { Verb = AdmissionVerb.Delete, Kind = kind.Info, Key = key, User = user, Object = old, Old = old };
        await using var admitted = new AdmissionRound(kind.Admissions, admission);
        if (await admitted.AdmitAsync(cancellation) is { } refused) return refused;
        byte[]? bytes = null;
        if (waits)
        {
            var marked = ObjectBytes.Parse(entry);
            WriteRules.MarkDeleted(marked, time.GetUtcNow());
            bytes = kind.Encode(marked);
        }

        // Not by a conditional expression: a null array would convert to an empty value.
        var write = bytes is null ? new StoreWrite(entry.Key, null, entry.Revision) : new StoreWrite(entry.Key, bytes, entry.Revision);
        var result = await admitted.WriteAsync(store, write);
        if (!result.Written) return null;
        return bytes is null
            ? new ObjectOutcome(null, null, entry)
            : new StoreEntry(entry.Key, bytes, result.Revision, entry.CreateRevision);
    }
}

using System.Collections.Frozen;
using System.Globalization;
using System.Runtime.CompilerServices;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Api.Server.Watching;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server;

/// <summary>The registry for callers in the server's own process, as <c>system:masters</c>: the same pipeline as over HTTP, without a network.</summary>
/// <remarks>Watches end only when their reader falls behind or the server stops.</remarks>
internal sealed class LocalObjectClient(ObjectReader reader, ObjectWriter writer, WatchHub hub, FrozenDictionary<KindInfo, RegisteredKind> kinds) : IObjectClient
{
    private static readonly UserInfo Self = new("system:gatehouse", [UserInfo.MastersGroup]);

    public async Task<T?> GetAsync<T>(ObjectKey key, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var outcome = await reader.GetAsync(KindOf<T>(), Self, key, null, cancellation);
        return outcome.Refusal is { Reason: StatusReason.NotFound } ? null : Unwrap<T>(outcome);
    }

    public async Task<ObjectList<T>> ListAsync<T>(Selection selection, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var query = new ListQuery(selection.Namespace, selection.Labels, selection.Fields);
        var (page, refusal) = await reader.ListAsync(KindOf<T>(), Self, query, cancellation);
        if (page is null) throw new ApiStatusException(refusal!);
        return new ObjectList<T>([.. page.Entries.Select(static e => RecordJson.Read<T>(e.Value, e.Revision))], Text(page.Revision));
    }

    public async IAsyncEnumerable<ObjectEvent<T>> WatchAsync<T>(
        Selection selection, string afterRevision, [EnumeratorCancellation] CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var kind = KindOf<T>();
        var (filter, refusal) = ObjectFilter.Create(kind, selection.Namespace, selection.Labels, selection.Fields);
        if (filter is null) throw new ApiStatusException(refusal!);
        if (!long.TryParse(afterRevision, NumberStyles.None, CultureInfo.InvariantCulture, out var after))
            throw new ApiStatusException(Refusals.BadRequest($"resourceVersion '{afterRevision}' is not valid: must be that of a list or an event"));
        (var watcher, refusal) = await hub.OpenAsync(kind, filter, after, bookmarks: true, cancellation);
        if (watcher is null) throw new ApiStatusException(refusal!);
        try
        {
            await foreach (var item in watcher.Items.ReadAllAsync(cancellation))
                yield return new ObjectEvent<T>(item.Type, item.Change?.Read<T>(item.Type), Text(item.Revision));
        }
        finally
        {
            hub.Close(watcher);
        }
    }

    public async Task<T> CreateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> =>
        Unwrap<T>(await writer.CreateAsync(KindOf<T>(), Self, value.Metadata.Namespace, RecordJson.Body(value), cancellation));

    public async Task<T> UpdateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> =>
        Unwrap<T>(await writer.UpdateAsync(KindOf<T>(), Self, value.Key, null, RecordJson.Body(value), cancellation));

    public async Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var kind = KindOf<T>();
        if (!kind.Info.HasStatus) throw new ApiStatusException(Refusals.NoSuchPath());
        return Unwrap<T>(await writer.UpdateAsync(kind, Self, value.Key, "status", RecordJson.Body(value), cancellation));
    }

    public async Task<T> MergePatchAsync<T>(ObjectKey key, string patch, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var kind = KindOf<T>();
        if (subresource is not null && (subresource != "status" || !kind.Info.HasStatus)) throw new ApiStatusException(Refusals.NoSuchPath());
        if (!BodyJson.TryParse(System.Text.Encoding.UTF8.GetBytes(patch), out var body, out var fault)) throw new ApiStatusException(Refusals.BadRequest(fault));
        return Unwrap<T>(await writer.MergePatchAsync(kind, Self, key, subresource, body, cancellation));
    }

    public async Task<bool> DeleteAsync<T>(ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var outcome = await writer.DeleteAsync(KindOf<T>(), Self, key, preconditions, cancellation);
        if (outcome.Refusal is { Reason: StatusReason.NotFound }) return false;
        return outcome.Refusal is { } refusal ? throw new ApiStatusException(refusal) : true;
    }

    private static T Unwrap<T>(ObjectOutcome outcome)
        where T : ApiObject, IKind<T>
    {
        if (outcome.Refusal is { } refusal) throw new ApiStatusException(refusal);
        var entry = outcome.Entry!;
        return RecordJson.Read<T>(entry.Value, entry.Revision);
    }

    private static string Text(long revision) => revision.ToString(CultureInfo.InvariantCulture);

    private RegisteredKind KindOf<T>()
        where T : ApiObject, IKind<T> =>
        kinds.GetValueOrDefault(T.Info) ?? throw new ApiStatusException(Refusals.NoSuchPath());
}

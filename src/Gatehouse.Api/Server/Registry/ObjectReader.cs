using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Store;

namespace Gatehouse.Api.Server.Registry;

/// <summary>What a read or write of one object came to.</summary>
/// <param name="Entry">The object as stored; null when refused, and after a delete that took effect.</param>
/// <param name="Refusal">Null when it was done.</param>
/// <param name="Deleted">The object before a delete that took effect.</param>
internal readonly record struct ObjectOutcome(StoreEntry? Entry, Status? Refusal, StoreEntry? Deleted = null)
{
    public static implicit operator ObjectOutcome(Status refusal) => new(null, refusal);

    public static implicit operator ObjectOutcome(StoreEntry entry) => new(entry, null);
}

/// <summary>What to list.</summary>
/// <param name="Labels">A label selector; null for all.</param>
/// <param name="Fields">A field selector; null for all.</param>
/// <param name="Limit">0 for all.</param>
/// <param name="Continue">The token of the page before.</param>
/// <param name="ResourceVersion">Null or <c>0</c> for the latest.</param>
/// <param name="Exact">At that revision; otherwise at that or a later one.</param>
internal readonly record struct ListQuery(
    string? Namespace, string? Labels, string? Fields, int Limit = 0, string? Continue = null, string? ResourceVersion = null, bool Exact = false);

/// <summary>A page of a list.</summary>
internal sealed record ListPage(IReadOnlyList<StoreEntry> Entries, long Revision, string? Continue, long? Remaining);

/// <summary>Reads: get and list, after the authorizer's word.</summary>
internal sealed class ObjectReader(IRevisionStore store, IAuthorizer? authorizer)
{
    /// <summary>Entries that one step of a filtered, limited list reads from the store.</summary>
    private const int ScanStep = 500;

    /// <summary>Whether a user may; masters always.</summary>
    public Status? Authorize(RegisteredKind kind, AuthorizationRequest request)
    {
        if (request.User.IsMaster) return null;
        var why = authorizer is null ? "this server serves operators alone" : authorizer.Refuse(request);
        return why is null ? null : Refusals.Forbidden(request, kind, why);
    }

    public async ValueTask<ObjectOutcome> GetAsync(RegisteredKind kind, UserInfo user, ObjectKey key, string? subresource, CancellationToken cancellation)
    {
        var entry = await store.GetAsync(kind.KeyOf(key), 0, cancellation);
        if (!user.IsMaster)
        {
            // Also when it does not exist: whether something exists is told to nobody who may not read it.
            var value = entry is null ? null : ObjectBytes.Parse(entry);
            var request = new AuthorizationRequest(user, "get", kind.Info, subresource, key.Namespace, key.Name, null, value);
            if (Authorize(kind, request) is { } refusal) return refusal;
        }

        return entry is null ? Refusals.NotFound(kind, key.Name) : entry;
    }

    public async ValueTask<(ListPage? Page, Status? Refusal)> ListAsync(RegisteredKind kind, UserInfo user, ListQuery query, CancellationToken cancellation)
    {
        var request = new AuthorizationRequest(user, "list", kind.Info, null, query.Namespace, null, query.Fields, null);
        if (Authorize(kind, request) is { } forbidden) return (null, forbidden);
        var (filter, refusal) = ObjectFilter.Create(kind, query.Namespace, query.Labels, query.Fields);
        if (filter is null) return (null, refusal);
        long revision = 0;
        string? after = null;
        if (query.Continue is { } token)
        {
            if (!ContinueToken.TryParse(token, kind.PrefixOf(query.Namespace), out revision, out after))
                return (null, Refusals.BadRequest("continue key is not valid: it belongs to another list or was not made by this server"));
        }
        else if (ReadRevision(query, out revision) is { } bad)
        {
            return (null, bad);
        }

        try
        {
            return (await ReadPageAsync(kind, query, filter, revision, after, cancellation), null);
        }
        catch (RevisionCompactedException e)
        {
            return (null, Refusals.Expired(query.Continue is null
                ? $"the resourceVersion {e.Asked} is too old; the oldest is {e.Oldest}"
                : "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter."));
        }
    }

    private Status? ReadRevision(ListQuery query, out long revision)
    {
        revision = 0;
        if (query.ResourceVersion is null or "" or "0")
            return query is { Exact: true } ? Refusals.BadRequest("resourceVersionMatch=Exact needs a resourceVersion other than 0") : null;
        if (!long.TryParse(query.ResourceVersion, System.Globalization.NumberStyles.None, null, out var asked))
            return Refusals.BadRequest($"resourceVersion '{query.ResourceVersion}' is not valid: must be a revision of this server or 0");
        if (asked > store.Revision) return Refusals.FromTheFuture(asked, store.Revision);
        // Not older than: the latest is what everybody wants, and it is at hand.
        if (query.Exact) revision = asked;
        return null;
    }

    private async ValueTask<ListPage> ReadPageAsync(
        RegisteredKind kind, ListQuery query, ObjectFilter filter, long revision, string? after, CancellationToken cancellation)
    {
        var prefix = kind.PrefixOf(query.Namespace);
        // A worker that lists itself alone does not have its whole cluster read; names begin where the prefix ends, unless a namespace stands between.
        var scanned = filter.Name is { } name && (kind.Info.Scope == KindScope.Cluster || query.Namespace is not null) ? prefix + name : prefix;
        if (filter.IsEverything)
        {
            var list = await store.ListAsync(new ListRequest(prefix, revision, query.Limit, after), cancellation);
            var next = list.Remaining > 0 ? ContinueToken.Create(list.Revision, list.Entries[^1].Key, prefix) : null;
            return new ListPage(list.Entries, list.Revision, next, list.Remaining > 0 ? list.Remaining : null);
        }

        List<StoreEntry> found = [];
        while (true)
        {
            var step = query.Limit == 0 ? 0 : Math.Max(query.Limit, ScanStep);
            var list = await store.ListAsync(new ListRequest(scanned, revision, step, after), cancellation);
            revision = list.Revision;
            foreach (var entry in list.Entries)
            {
                after = entry.Key;
                if (!filter.Matches(kind, entry.Value)) continue;
                found.Add(entry);
                if (query.Limit > 0 && found.Count == query.Limit)
                {
                    var more = list.Remaining > 0 || entry != list.Entries[^1];
                    return new ListPage(found, revision, more ? ContinueToken.Create(revision, after, prefix) : null, null);
                }
            }

            if (list.Remaining == 0) return new ListPage(found, revision, null, null);
        }
    }
}

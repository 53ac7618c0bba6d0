using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>
/// Reads and writes objects of an API server, over HTTP (<c>HttpObjectClient</c>) or in the server's own process (<c>LocalObjectClient</c>).
/// Every role works through this and through nothing else.
/// </summary>
/// <remarks>Safe for any thread. A refusal throws <see cref="ApiStatusException"/>; a server that can't be reached throws <see cref="ApiUnreachableException"/>.</remarks>
public interface IObjectClient
{
    /// <summary>How far the server's clock is ahead of this process's, to a second or two, as of its last answer. Null when that is not known.</summary>
    TimeSpan? ClockOffset => null;

    /// <summary>Whether the server answers, as all requests of this client experience it; null for one in the server's own process.</summary>
    ServerContact? Contact => null;

    /// <summary>One object; null when it does not exist.</summary>
    Task<T?> GetAsync<T>(ObjectKey key, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>All objects that match, and the revision at which they did.</summary>
    Task<ObjectList<T>> ListAsync<T>(Selection selection, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>Changes after a revision, in order. Ends when the server ends the watch; the caller resumes with the last revision seen.</summary>
    /// <exception cref="ApiStatusException">With reason <c>Expired</c> or <c>Gone</c>: list again.</exception>
    IAsyncEnumerable<ObjectEvent<T>> WatchAsync<T>(Selection selection, string afterRevision, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>Creates; the answer is the object as stored, with what the server filled in.</summary>
    Task<T> CreateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>Creates several in one request, each for itself: what is refused does not hold up the others.</summary>
    /// <returns>One outcome for each, in their order.</returns>
    async Task<IReadOnlyList<CreateOutcome<T>>> CreateManyAsync<T>(IReadOnlyList<T> values, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var outcomes = new List<CreateOutcome<T>>(values.Count);
        foreach (var value in values)
        {
            try
            {
                outcomes.Add(new(await CreateAsync(value, cancellation), null));
            }
            catch (ApiStatusException refusal)
            {
                outcomes.Add(new(null, refusal.Status));
            }
        }

        return outcomes;
    }

    /// <summary>Replaces everything but status. With <see cref="ObjectMeta.ResourceVersion"/> set, only if that is still the last write.</summary>
    Task<T> UpdateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>Replaces status and nothing else, under the same condition.</summary>
    Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>JSON merge patch (RFC 7396).</summary>
    /// <param name="subresource">Null, or <c>status</c>.</param>
    Task<T> MergePatchAsync<T>(ObjectKey key, string patch, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;

    /// <summary>Deletes, or marks as deleted while finalizers remain.</summary>
    /// <returns>False when it did not exist.</returns>
    Task<bool> DeleteAsync<T>(ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
        where T : ApiObject, IKind<T>;
}

/// <summary>Which objects of a kind.</summary>
/// <param name="Namespace">Null for all.</param>
/// <param name="Labels">A label selector (<c>a=b,c in (d,e)</c>); null for all.</param>
/// <param name="Fields">A field selector (<c>spec.worker=w1</c>); null for all.</param>
public sealed record Selection(string? Namespace = null, string? Labels = null, string? Fields = null)
{
    /// <summary>Everything.</summary>
    public static Selection All { get; } = new();
}

/// <summary>What a delete requires of the object.</summary>
public sealed record DeletePreconditions(string? Uid = null, string? ResourceVersion = null);

/// <summary>Objects at a revision.</summary>
public sealed record ObjectList<T>(IReadOnlyList<T> Items, string ResourceVersion);

/// <summary>What became of one of several objects that were to be created: the object as stored, or why not.</summary>
public sealed record CreateOutcome<T>(T? Value, Status? Refusal)
    where T : class;

/// <summary>What happened to an object.</summary>
public enum ObjectEventType
{
    Added,
    Modified,
    Deleted,

    /// <summary>Only <see cref="ObjectEvent{T}.ResourceVersion"/> counts: everything up to it was delivered.</summary>
    Bookmark,
}

/// <summary>One change of an object.</summary>
/// <param name="Object">Null for a bookmark; the last state for a delete.</param>
public sealed record ObjectEvent<T>(ObjectEventType Type, T? Object, string ResourceVersion)
    where T : class;

/// <summary>The server refused.</summary>
public sealed class ApiStatusException(Status status) : Exception(status.Message)
{
    /// <summary>Reason, code and every fault.</summary>
    public Status Status { get; } = status;

    /// <summary>Whether the refusal has this <see cref="StatusReason"/>.</summary>
    public bool Is(string reason) => Status.Reason == reason;
}

/// <summary>No answer: refused, timed out, or the handshake failed. Worth trying again later.</summary>
public sealed class ApiUnreachableException(string message, Exception? cause) : Exception(message, cause);

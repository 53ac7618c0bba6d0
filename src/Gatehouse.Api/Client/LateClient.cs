using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>A client that is known later than those who use it: a role is made before the API server whose admissions it provides.</summary>
public sealed class LateClient : IObjectClient
{
    private IObjectClient? _client;

    private IObjectClient Client => _client ?? throw new InvalidOperationException("the client is used before it is known");

    /// <inheritdoc/>
    public TimeSpan? ClockOffset => _client?.ClockOffset;

    /// <inheritdoc/>
    public ServerContact? Contact => _client?.Contact;

    /// <summary>From now on, calls go there.</summary>
    public void Set(IObjectClient client) => _client = client;

    /// <inheritdoc/>
    public Task<T?> GetAsync<T>(ObjectKey key, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.GetAsync<T>(key, cancellation);

    /// <inheritdoc/>
    public Task<ObjectList<T>> ListAsync<T>(Selection selection, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.ListAsync<T>(selection, cancellation);

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEvent<T>> WatchAsync<T>(Selection selection, string afterRevision, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.WatchAsync<T>(selection, afterRevision, cancellation);

    /// <inheritdoc/>
    public Task<T> CreateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.CreateAsync(value, cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<CreateOutcome<T>>> CreateManyAsync<T>(IReadOnlyList<T> values, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.CreateManyAsync(values, cancellation);

    /// <inheritdoc/>
    public Task<T> UpdateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.UpdateAsync(value, cancellation);

    /// <inheritdoc/>
    public Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.UpdateStatusAsync(value, cancellation);

    /// <inheritdoc/>
    public Task<T> MergePatchAsync<T>(ObjectKey key, string patch, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.MergePatchAsync<T>(key, patch, subresource, cancellation);

    /// <inheritdoc/>
    public Task<bool> DeleteAsync<T>(ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Client.DeleteAsync<T>(key, preconditions, cancellation);
}

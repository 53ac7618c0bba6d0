using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>Reads and writes objects over HTTPS.</summary>
/// <remarks>Safe for any thread. Connects with the first call, or with <see cref="WarmUpAsync"/>.</remarks>
public sealed class HttpObjectClient(HttpObjectClientOptions options) : IObjectClient, IDisposable
{
    /// <summary>Opens the connection that later calls use. Faults are those of any call.</summary>
    public Task WarmUpAsync(CancellationToken cancellation) => throw new NotSupportedException($"{options.Server}");

    /// <inheritdoc/>
    public Task<T?> GetAsync<T>(ObjectKey key, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<ObjectList<T>> ListAsync<T>(Selection selection, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEvent<T>> WatchAsync<T>(Selection selection, string afterRevision, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<T> CreateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<T> UpdateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<T> MergePatchAsync<T>(ObjectKey key, string patch, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<bool> DeleteAsync<T>(ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

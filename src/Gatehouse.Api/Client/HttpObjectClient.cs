using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Client;

/// <summary>Reads and writes objects over HTTPS, on connections that stay warm. Credentials may change at any time; no request is lost by it.</summary>
/// <remarks>
/// Safe for any thread. Connects with the first call, or with <see cref="WarmUpAsync"/>. Retries nothing: a write may have been done although its answer was lost,
/// and only the caller knows whether doing it again is right.
/// </remarks>
public sealed partial class HttpObjectClient : IObjectClient, IDisposable
{
    private const string MergePatch = "application/merge-patch+json";

    private readonly HttpObjectClientOptions _options;
    private readonly ApiTransport _transport;
    private readonly Lock _randomGate = new();

    // By kind and selection, of which a process has a handful.
    private readonly ConcurrentDictionary<(string Kind, Selection Selection), string> _histories = new();

    /// <summary>Stores its settings; nothing is sent.</summary>
    /// <exception cref="ArgumentException">The server's URL is not https.</exception>
    public HttpObjectClient(HttpObjectClientOptions options)
    {
        _options = options;
        _transport = new ApiTransport(options);
    }

    /// <inheritdoc/>
    public ServerContact Contact => _transport.Contact;

    /// <summary>Opens the connection that later calls use, when it was silent for a ping's interval. A watch does it by itself when it begins.</summary>
    /// <exception cref="ApiUnreachableException">No connection.</exception>
    public async Task WarmUpAsync(CancellationToken cancellation)
    {
        if (!_transport.MayBeCold) return;
        using var answer = await _transport.SendAsync(new ApiRequest(HttpMethod.Get, "version", "version"), cancellation);
    }

    /// <inheritdoc/>
    public TimeSpan? ClockOffset => _transport.ClockOffset;

    /// <inheritdoc/>
    public async Task<T?> GetAsync<T>(ObjectKey key, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var request = new ApiRequest(HttpMethod.Get, ResourcePath.Object(T.Info, key), T.Info.Plural, key.Name);
        using var answer = await _transport.SendAsync(request, cancellation);
        return answer.IsObjectNotFound ? null : Read<T>(request, answer);
    }

    /// <inheritdoc/>
    public async Task<ObjectList<T>> ListAsync<T>(Selection selection, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var items = new List<T>();
        string? revision = null;
        for (string? next = null; ;)
        {
            var path = ResourcePath.List(T.Info, selection, _options.PageSize, next);
            var (meta, store) = await ListPageAsync(new ApiRequest(HttpMethod.Get, path, T.Info.Plural, Stream: true), items, cancellation);
            revision ??= meta.ResourceVersion;
            if (store is not null) _histories[(T.Info.Plural, selection)] = store;
            next = meta.Continue;
            if (string.IsNullOrEmpty(next)) return new ObjectList<T>(items, revision!);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectEvent<T>> WatchAsync<T>(Selection selection, string afterRevision, [EnumeratorCancellation] CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var request = new ApiRequest(HttpMethod.Get, ResourcePath.Watch(T.Info, selection, afterRevision, NextDuration()), T.Info.Plural, Stream: true);
        var warm = WarmQuietlyAsync(cancellation);
        try
        {
            using var stream = await _transport.OpenAsync(request, cancellation);
            if (IsOtherHistory(T.Info, selection, stream.Store)) throw Expired(T.Info);
            var reader = new WatchReader<T>(_options, T.Info.Plural, LeaveOut<T>, _transport.Contact);
            await foreach (var change in reader.ReadAsync(stream.Body, cancellation))
            {
                ClientMetrics.Events.Add(1, ClientMetrics.Kind(T.Info.Plural));
                yield return change;
            }
        }
        finally
        {
            await warm;
        }
    }

    /// <inheritdoc/>
    public Task<T> CreateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var path = ResourcePath.Collection(T.Info, value.Metadata.Namespace);
        return WriteAsync<T>(new ApiRequest(HttpMethod.Post, path, T.Info.Plural, value.Metadata.Name, ObjectCodec.Encode(value)), cancellation);
    }

    /// <inheritdoc/>
    /// <remarks>An extension of ours: a list is posted to the collection (docs/decisions/0005). All must be of one namespace.</remarks>
    public async Task<IReadOnlyList<CreateOutcome<T>>> CreateManyAsync<T>(IReadOnlyList<T> values, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        if (values.Count == 0) return [];
        var path = ResourcePath.Collection(T.Info, values[0].Metadata.Namespace);
        var request = new ApiRequest(HttpMethod.Post, path, T.Info.Plural, "", ObjectCodec.EncodeMany(values));
        using var answer = await _transport.SendAsync(request, cancellation);
        if (!answer.IsSuccess) throw new ApiStatusException(answer.ToStatus(request));
        try
        {
            var outcomes = ObjectCodec.DecodeOutcomes<T>(answer.Body);
            return outcomes.Count == values.Count ? outcomes : throw new JsonException($"{outcomes.Count} outcomes for {values.Count} objects");
        }
        catch (JsonException e)
        {
            throw NotOurs(request, e);
        }
    }

    /// <inheritdoc/>
    public Task<T> UpdateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => PutAsync(value, null, cancellation);

    /// <inheritdoc/>
    public Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => PutAsync(value, "status", cancellation);

    /// <inheritdoc/>
    public Task<T> MergePatchAsync<T>(ObjectKey key, string patch, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var path = ResourcePath.Object(T.Info, key, subresource);
        var request = new ApiRequest(HttpMethod.Patch, path, T.Info.Plural, key.Name, Encoding.UTF8.GetBytes(patch)) { ContentType = MergePatch };
        return WriteAsync<T>(request, cancellation);
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync<T>(ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var body = preconditions is null ? (ReadOnlyMemory<byte>?)null : DeleteOptions.Encode(preconditions);
        var request = new ApiRequest(HttpMethod.Delete, ResourcePath.Object(T.Info, key), T.Info.Plural, key.Name, body);
        using var answer = await _transport.SendAsync(request, cancellation);
        if (answer.IsObjectNotFound) return false;
        return answer.IsSuccess ? true : throw new ApiStatusException(answer.ToStatus(request));
    }

    /// <summary>Closes the connections and cuts what runs on them.</summary>
    public void Dispose() => _transport.Dispose();

    private Task<T> PutAsync<T>(T value, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var path = ResourcePath.Object(T.Info, value.Key, subresource);
        return WriteAsync<T>(new ApiRequest(HttpMethod.Put, path, T.Info.Plural, value.Metadata.Name, ObjectCodec.Encode(value)), cancellation);
    }

    private async Task<T> WriteAsync<T>(ApiRequest request, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        using var answer = await _transport.SendAsync(request, cancellation);
        return Read<T>(request, answer);
    }

    /// <summary>Whether a watch would resume in a history that its list was not of; one that was resumed from disk takes what is there.</summary>
    private bool IsOtherHistory(KindInfo kind, Selection selection, string? store) =>
        store is not null && _histories.GetOrAdd((kind.Plural, selection), store) != store;

    private static ApiStatusException Expired(KindInfo kind) => new(new Status
    {
        Code = 410,
        Reason = StatusReason.Expired,
        Message = $"the server's store was put back from a copy since {kind.Plural} were listed: its revisions mean other writes now; list again",
    });

    private async Task<(ListMeta Meta, string? Store)> ListPageAsync<T>(ApiRequest request, List<T> items, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        using var answer = await _transport.SendAsync(request, cancellation);
        if (!answer.IsSuccess) throw new ApiStatusException(answer.ToStatus(request));
        try
        {
            return (ObjectCodec.DecodeList(answer.Body, items, LeaveOut<T>), answer.Store);
        }
        catch (JsonException e)
        {
            throw NotOurs(request, e);
        }
    }

    private static T Read<T>(ApiRequest request, ApiAnswer answer)
        where T : ApiObject, IKind<T>
    {
        if (!answer.IsSuccess) throw new ApiStatusException(answer.ToStatus(request));
        try
        {
            return ObjectCodec.Decode<T>(answer.Body);
        }
        catch (JsonException e)
        {
            throw NotOurs(request, e);
        }
    }

    /// <summary>Whatever answered there speaks no language of ours: to the caller the API server is not reachable.</summary>
    private static ApiUnreachableException NotOurs(ApiRequest request, JsonException e) =>
        new($"{request.Method} {request.Path}: the answer is not what the API of {request.Kind} gives: {e.Message}", e);

    /// <summary>The first request after an outage of the server should not pay for the handshake; whether it could be opened is not the watch's business.</summary>
    private async Task WarmQuietlyAsync(CancellationToken cancellation)
    {
        try
        {
            await WarmUpAsync(cancellation);
        }
        catch (Exception e) when (e is ApiUnreachableException or ObjectDisposedException or OperationCanceledException)
        {
            LogCold(_options.Logger, e.Message);
        }
    }

    private TimeSpan NextDuration()
    {
        lock (_randomGate) return _options.WatchDuration * (1 + _options.Random.NextDouble());
    }

    private void LeaveOut<T>(JsonException e)
        where T : ApiObject, IKind<T>
    {
        ClientMetrics.Unreadable.Add(1, ClientMetrics.Kind(T.Info.Plural));
        LogUnreadable(_options.Logger, T.Info.Plural, e.Path ?? "", e.Message);
    }

    [LoggerMessage(LogLevel.Debug, "The connection could not be opened ahead: {Message}")]
    private static partial void LogCold(ILogger logger, string message);

    [LoggerMessage(LogLevel.Error, "An object of {Kind} does not fit its kind at {Path} and is left out: {Message}")]
    private static partial void LogUnreadable(ILogger logger, string kind, string path, string message);
}

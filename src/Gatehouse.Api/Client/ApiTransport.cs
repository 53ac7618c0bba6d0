using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;

namespace Gatehouse.Api.Client;

/// <summary>Sends requests on the connection of the credentials of the moment, and turns every fault of the network into one of the client's two exceptions.</summary>
internal sealed class ApiTransport : IDisposable
{
    private static readonly MediaTypeWithQualityHeaderValue Json = new("application/json");
    private static readonly ProductInfoHeaderValue Agent = new("gatehouse", typeof(ApiTransport).Assembly.GetName().Version?.ToString(3) ?? "0");

    private readonly HttpObjectClientOptions _options;
    private readonly Uri _root;
    private readonly Lock _gate = new();
    private ApiConnection? _connection;
    private bool _disposed;
    private long _lastAnswer;
    private long _clockOffset = long.MinValue;

    public ApiTransport(HttpObjectClientOptions options)
    {
        if (options.Server.Scheme != Uri.UriSchemeHttps) throw new ArgumentException($"the server's URL must be https, not {options.Server}", nameof(options));
        _options = options;
        _root = options.Server.AbsoluteUri.EndsWith('/') ? options.Server : new Uri(options.Server.AbsoluteUri + "/");
    }

    /// <summary>What the requests experience.</summary>
    public ServerContact Contact { get; } = new();

    /// <summary>Whether the connection for requests was silent so long that it may not be there.</summary>
    public bool MayBeCold => Volatile.Read(ref _lastAnswer) is var last && (last == 0 || _options.Time.GetElapsedTime(last) > _options.PingInterval);

    /// <summary>By the head of the last answer (RFC 9110 §6.6.1, whole seconds); null before the first.</summary>
    public TimeSpan? ClockOffset => Volatile.Read(ref _clockOffset) is not long.MinValue and var ticks ? TimeSpan.FromTicks(ticks) : null;

    /// <summary>One request and its whole answer.</summary>
    /// <exception cref="ApiStatusException">The answer is no 2xx.</exception>
    /// <exception cref="ApiUnreachableException">No answer within <see cref="HttpObjectClientOptions.RequestTimeout"/>.</exception>
    public async Task<ApiAnswer> SendAsync(ApiRequest request, CancellationToken cancellation)
    {
        var started = _options.Time.GetTimestamp();
        var outcome = "unreachable";
        var connection = Enter();
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
        try
        {
            using var message = NewMessage(request, connection.Credentials);
            using var response = await connection.Invoker(request.Stream).SendAsync(message, both.Token);
            CheckStore(request, response);
            var answer = await ApiAnswer.ReadAsync(response, _options.MaxAnswerBytes, both.Token);
            if (response.Headers.Date is { } date) Volatile.Write(ref _clockOffset, (date - _options.Time.GetUtcNow()).Ticks);
            if (!request.Stream) Volatile.Write(ref _lastAnswer, _options.Time.GetTimestamp());
            outcome = answer.IsSuccess ? "ok" : answer.StatusCode.ToString();
            Note(answer.StatusCode);
            return answer;
        }
        catch (Exception e) when (IsNetworkFault(e, cancellation))
        {
            throw Unreachable(request, connection, e, deadline.IsCancellationRequested);
        }
        finally
        {
            connection.Leave();
            ClientMetrics.RequestDuration.Record(
                _options.Time.GetElapsedTime(started).TotalSeconds,
                new("method", request.Method.Method), ClientMetrics.Kind(request.Kind), ClientMetrics.Outcome(outcome));
        }
    }

    /// <summary>Opens a stream; its head must come within <see cref="HttpObjectClientOptions.RequestTimeout"/>. The caller disposes the result.</summary>
    public async Task<ApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        var connection = Enter();
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
        HttpResponseMessage? response = null;
        try
        {
            using var message = NewMessage(request, connection.Credentials);
            response = await connection.Invoker(stream: true).SendAsync(message, both.Token);
            CheckStore(request, response);
            Note((int)response.StatusCode);
            if (!response.IsSuccessStatusCode)
            {
                using var answer = await ApiAnswer.ReadAsync(response, _options.MaxAnswerBytes, both.Token);
                throw new ApiStatusException(answer.ToStatus(request));
            }

            return new ApiStream(response, await response.Content.ReadAsStreamAsync(both.Token), connection);
        }
        catch (Exception e)
        {
            response?.Dispose();
            connection.Leave();
            if (!IsNetworkFault(e, cancellation)) throw;
            throw Unreachable(request, connection, e, deadline.IsCancellationRequested);
        }
    }

    /// <summary>Whether an exception is the network's, rather than the caller's will or a bug.</summary>
    public static bool IsNetworkFault(Exception e, CancellationToken cancellation) => e switch
    {
        OperationCanceledException => !cancellation.IsCancellationRequested,
        ObjectDisposedException => !cancellation.IsCancellationRequested,
        HttpRequestException or IOException or AuthenticationException or System.Net.Sockets.SocketException => true,
        _ => false,
    };

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _connection?.Dispose();
            _connection = null;
        }
    }

    private void CheckStore(ApiRequest request, HttpResponseMessage response)
    {
        if (_options.Store is not { } known || ServerStore.Of(response) is not { } store || known.Refuse(store) is not { } why) return;
        Contact.Lost();
        throw new ApiUnreachableException($"{request.Method} {_options.Server}: {why}", null);
    }

    private ApiConnection Enter()
    {
        while (true)
        {
            var connection = Present();
            if (connection.TryEnter()) return connection;
        }
    }

    /// <summary>Credentials that changed retire the connection: what runs on it ends there.</summary>
    private ApiConnection Present()
    {
        var credentials = _options.Credentials.Current;
        var connection = Volatile.Read(ref _connection);
        if (connection is not null && ReferenceEquals(connection.Credentials, credentials)) return connection;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(HttpObjectClient));
            if (_connection is { } present && ReferenceEquals(present.Credentials, credentials)) return present;
            var retired = _connection;
            _connection = new ApiConnection(_options, credentials);
            Volatile.Write(ref _lastAnswer, 0);
            retired?.Leave();
            return _connection;
        }
    }

    private HttpRequestMessage NewMessage(ApiRequest request, ApiCredentials credentials)
    {
        var message = new HttpRequestMessage(request.Method, new Uri(_root, request.Path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        message.Headers.Accept.Add(Json);
        message.Headers.UserAgent.Add(Agent);
        message.Headers.Host = credentials.ServerName; // The one way to make the handler ask for, and check, another name than the URL's.
        if (credentials.BearerToken is { } token) message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (request.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(request.ContentType);
        }

        return message;
    }

    /// <summary>A refusal says nothing about the server: the next request may be granted, and this one would not.</summary>
    private void Note(int statusCode)
    {
        if (statusCode is >= 200 and < 300) Contact.Made();
        else if (statusCode >= 500) Contact.Lost();
    }

    private ApiUnreachableException Unreachable(ApiRequest request, ApiConnection connection, Exception cause, bool timedOut)
    {
        Contact.Lost();
        var why = timedOut ? $"no answer within {_options.RequestTimeout.TotalSeconds:0.###} s" : Why(cause, connection);
        return new ApiUnreachableException($"{request.Method} {new Uri(_root, request.Path)}: {why}", cause);
    }

    private static string Why(Exception cause, ApiConnection connection)
    {
        for (var e = cause; e is not null; e = e.InnerException)
        {
            if (e is AuthenticationException) return connection.TrustFault ?? $"the TLS handshake failed: {e.InnerException?.Message ?? e.Message}";
        }

        return cause.InnerException is { } inner && cause is HttpRequestException ? $"{cause.Message} {inner.Message}" : cause.Message;
    }
}

/// <summary>What to ask.</summary>
/// <param name="Path">Below the server's URL, without a leading slash.</param>
/// <param name="Kind">The plural, for messages and metrics.</param>
/// <param name="Subject">The object's name, for messages; empty for a collection.</param>
/// <param name="Stream">Whether the answer is long: it takes the connection of lists and watches.</param>
internal sealed record ApiRequest(HttpMethod Method, string Path, string Kind, string Subject = "", ReadOnlyMemory<byte>? Body = null, bool Stream = false)
{
    public string ContentType { get; init; } = "application/json";
}

/// <summary>A response under way; holds its connection.</summary>
internal sealed class ApiStream(HttpResponseMessage response, Stream body, ApiConnection connection) : IDisposable
{
    public Stream Body { get; } = body;

    /// <summary>The server's store, when it says so.</summary>
    public string? Store { get; } = ServerStore.Of(response);

    public void Dispose()
    {
        Body.Dispose();
        response.Dispose();
        connection.Leave();
    }
}

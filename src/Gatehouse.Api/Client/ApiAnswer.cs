using System.Buffers;
using System.Text;
using System.Text.Json;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>A whole answer in a rented buffer.</summary>
internal sealed class ApiAnswer : IDisposable
{
    private const int FirstBuffer = 8 << 10;
    private const int QuotedBytes = 200;

    private byte[] _buffer;
    private int _length;

    private ApiAnswer(HttpResponseMessage response)
    {
        StatusCode = (int)response.StatusCode;
        RetryAfter = response.Headers.RetryAfter?.Delta;
        Store = ServerStore.Of(response);
        _buffer = [];
    }

    public int StatusCode { get; }

    public TimeSpan? RetryAfter { get; }

    /// <summary>The server's store, when it says so.</summary>
    public string? Store { get; }

    public bool IsSuccess => StatusCode is >= 200 and < 300;

    public ReadOnlySpan<byte> Body => _buffer.AsSpan(0, _length);

    /// <exception cref="IOException">The body is longer than <paramref name="maxBytes"/>.</exception>
    public static async Task<ApiAnswer> ReadAsync(HttpResponseMessage response, int maxBytes, CancellationToken cancellation)
    {
        var answer = new ApiAnswer(response);
        try
        {
            var announced = response.Content.Headers.ContentLength;
            if (announced > maxBytes) throw TooLong(maxBytes);
            answer.Grow((int)Math.Min(announced + 1 ?? FirstBuffer, maxBytes));
            using var body = await response.Content.ReadAsStreamAsync(cancellation);
            while (await body.ReadAsync(answer._buffer.AsMemory(answer._length), cancellation) is var read and > 0)
            {
                answer._length += read;
                if (answer._length > maxBytes) throw TooLong(maxBytes);
                if (answer._length == answer._buffer.Length) answer.Grow(answer._length * 2);
            }

            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <summary>The refusal: the body's own <see cref="Status"/>, or one made of the HTTP status when something else answered (a proxy, a wrong port).</summary>
    public Status ToStatus(ApiRequest request)
    {
        if (TryReadStatus(Body) is { } status) return status with { Code = status.Code == 0 ? StatusCode : status.Code };
        var text = Encoding.UTF8.GetString(Body[..Math.Min(_length, QuotedBytes)]).Trim();
        var what = request.Subject.Length == 0 ? request.Kind : $"{request.Kind} '{request.Subject}'";
        return new Status
        {
            Code = StatusCode,
            Reason = ReasonOf(StatusCode),
            Message = text.Length == 0 ? $"{what}: HTTP {StatusCode}" : $"{what}: HTTP {StatusCode}: {text}",
            Details = new StatusDetails(Name: request.Subject, Kind: request.Kind, RetryAfterSeconds: (int?)RetryAfter?.TotalSeconds),
        };
    }

    /// <summary>Whether the server itself said that the object is not there, as opposed to a path that it does not know.</summary>
    public bool IsObjectNotFound => StatusCode == 404 && TryReadStatus(Body)?.Reason == StatusReason.NotFound;

    public void Dispose()
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }

    /// <summary>Null when the bytes are no Status.</summary>
    internal static Status? TryReadStatus(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ObjectsJson.Default.Status) is { Kind: "Status" } status && (status.Code != 0 || status.Reason is not null) ? status : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string ReasonOf(int code) => code switch
    {
        400 => StatusReason.BadRequest,
        401 => StatusReason.Unauthorized,
        403 => StatusReason.Forbidden,
        404 => StatusReason.NotFound,
        405 => StatusReason.MethodNotAllowed,
        406 => StatusReason.NotAcceptable,
        409 => StatusReason.Conflict,
        410 => StatusReason.Gone,
        413 => StatusReason.RequestEntityTooLarge,
        415 => StatusReason.UnsupportedMediaType,
        422 => StatusReason.Invalid,
        429 => StatusReason.TooManyRequests,
        503 => StatusReason.ServiceUnavailable,
        504 => StatusReason.Timeout,
        _ => StatusReason.InternalError,
    };

    private static HttpIOException TooLong(int maxBytes) => new(HttpRequestError.ConfigurationLimitExceeded, $"the answer is longer than {maxBytes} bytes");

    private void Grow(int size)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(size, FirstBuffer));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}

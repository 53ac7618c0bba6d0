using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Gateways;

/// <summary>Reads and writes small JSON bodies of endpoints that are no objects; a fault is an answer, never an exception.</summary>
public static class JsonBody
{
    /// <summary>The most bytes that <see cref="ReadTextAsync"/> takes: a descriptor with every candidate is a tenth of it.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>The body's bytes; null when there are more than <see cref="MaxBytes"/>.</summary>
    public static async Task<byte[]?> ReadTextAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > MaxBytes) return null;
        using var body = new MemoryStream();
        var buffer = new byte[8192];
        for (int read; (read = await request.Body.ReadAsync(buffer, cancellation)) > 0;)
        {
            body.Write(buffer, 0, read);
            if (body.Length > MaxBytes) return null;
        }

        return body.ToArray();
    }

    /// <summary>The body as a record, or the refusal.</summary>
    /// <param name="empty">What an empty body means; null refuses it.</param>
    public static async Task<(T? Value, Status? Refusal)> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type, T? empty, CancellationToken cancellation)
        where T : class
    {
        if (await ReadTextAsync(request, cancellation) is not { } bytes)
            return (null, Statuses.Refused(StatusCodes.Status413PayloadTooLarge, StatusReason.RequestEntityTooLarge, $"the body is longer than {MaxBytes} bytes"));
        if (bytes.AsSpan().Trim(" \t\r\n"u8).IsEmpty && empty is not null) return (empty, null);
        return ForeignJson.TryReadRecord(bytes, type, out var value, out var fault) ? (value, null) : (null, Bad($"the body {fault}"));
    }

    /// <summary>Writes a record.</summary>
    public static async Task WriteAsync<T>(HttpResponse response, int code, T value, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        response.StatusCode = code;
        response.ContentType = "application/json";
        await response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(value, type), cancellation);
    }

    /// <summary>Writes a refusal with its own code.</summary>
    public static Task WriteAsync(HttpResponse response, Status status, CancellationToken cancellation) =>
        WriteAsync(response, status.Code, status, GatewayJson.Default.Status, cancellation);

    private static Status Bad(string message) => Statuses.Refused(StatusCodes.Status400BadRequest, StatusReason.BadRequest, message);
}

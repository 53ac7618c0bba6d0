using System.Buffers;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>Reads request bodies, up to a bound.</summary>
internal static class RequestBody
{
    public const string MergePatch = "application/merge-patch+json";

    /// <summary>The body's bytes, or 413.</summary>
    public static async ValueTask<(byte[]? Bytes, Status? Refusal)> ReadAsync(HttpRequest request, int limit, CancellationToken cancellation)
    {
        if (request.ContentLength > limit) return (null, Refusals.TooLarge(limit));
        try
        {
            while (true)
            {
                var result = await request.BodyReader.ReadAsync(cancellation);
                if (result.Buffer.Length > limit)
                {
                    request.BodyReader.AdvanceTo(result.Buffer.End);
                    return (null, Refusals.TooLarge(limit));
                }

                if (result.IsCompleted)
                {
                    var bytes = result.Buffer.ToArray();
                    request.BodyReader.AdvanceTo(result.Buffer.End);
                    return (bytes, null);
                }

                request.BodyReader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            }
        }
        catch (BadHttpRequestException e)
        {
            return (null, e.StatusCode == 413 ? Refusals.TooLarge(limit) : Refusals.BadRequest(e.Message));
        }
    }

    /// <summary>The body as one JSON object; 415 when it says that it is something else, 400 when it is none, 413 when it is too large.</summary>
    public static async ValueTask<(JsonObject? Value, Status? Refusal)> ReadObjectAsync(
        HttpRequest request, string accepted, int limit, CancellationToken cancellation)
    {
        var type = request.ContentType?.Split(';')[0].Trim();
        // Kubernetes takes a body without type for JSON; a patch must say which kind it is.
        if (!string.IsNullOrEmpty(type) ? !type.Equals(accepted, StringComparison.OrdinalIgnoreCase) : accepted != Answers.Json)
            return (null, Refusals.UnsupportedMediaType(type, accepted));
        var (bytes, refusal) = await ReadAsync(request, limit, cancellation);
        if (bytes is null) return (null, refusal);
        return BodyJson.TryParse(bytes, out var value, out var fault) ? (value, null) : (null, Refusals.BadRequest(fault));
    }
}

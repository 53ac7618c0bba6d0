using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server;

/// <summary>Objects of a write under way as records, and the refusals that admissions give.</summary>
public static class AdmissionJson
{
    /// <summary>The object as it will be stored; null when it does not have its kind's form, which the server's validation reports.</summary>
    public static T? Read<T>(this AdmissionRequest request)
        where T : ApiObject, IKind<T> => Read<T>(request.Object);

    /// <summary>The stored object; null on create.</summary>
    public static T? ReadOld<T>(this AdmissionRequest request)
        where T : ApiObject, IKind<T> => Read<T>(request.Old);

    /// <summary>Sets <c>status</c> of the object that will be stored.</summary>
    public static void SetStatus<TStatus>(this AdmissionRequest request, TStatus status, JsonTypeInfo<TStatus> json) =>
        request.Object["status"] = JsonSerializer.SerializeToNode(status, json);

    /// <summary>Sets one field of <c>spec</c> of the object that will be stored.</summary>
    public static void SetSpec(this AdmissionRequest request, string field, JsonNode? value)
    {
        if (request.Object["spec"] is not JsonObject spec) request.Object["spec"] = spec = [];
        spec[field] = value;
    }

    /// <summary>422: the object is wrong, with all its faults.</summary>
    public static Status Invalid(this AdmissionRequest request, IReadOnlyList<Fault> faults) => request.Refuse(
        StatusReason.Invalid,
        422,
        $"{request.Kind.Kind} {request.Key} is invalid: {string.Join("; ", faults)}",
        [.. faults.Select(f => new StatusCause("FieldValueInvalid", f.ToString(), f.Field))]);

    /// <summary>403: that is not for this caller.</summary>
    public static Status Forbidden(this AdmissionRequest request, string why) =>
        request.Refuse(StatusReason.Forbidden, 403, $"{request.User.Name} may not {request.Verb.ToString().ToLowerInvariant()} {request.Kind.Plural} {request.Key}: {why}");

    /// <summary>409: not now; the caller reads again and tries again.</summary>
    public static Status Conflict(this AdmissionRequest request, string why) =>
        request.Refuse(StatusReason.Conflict, 409, $"{request.Kind.Kind} {request.Key}: {why}");

    /// <summary>503: what is asked for has run out; trying later may help.</summary>
    public static Status Unavailable(this AdmissionRequest request, string why) =>
        request.Refuse(StatusReason.ServiceUnavailable, 503, $"{request.Kind.Kind} {request.Key}: {why}");

    /// <summary>429: the caller has as many as it may have.</summary>
    public static Status TooMany(this AdmissionRequest request, string why) =>
        request.Refuse(StatusReason.TooManyRequests, 429, $"{request.Kind.Kind} {request.Key}: {why}");

    private static Status Refuse(this AdmissionRequest request, string reason, int code, string message, IReadOnlyList<StatusCause>? causes = null) => new()
    {
        Code = code,
        Reason = reason,
        Message = message,
        Details = new StatusDetails(request.Key.Name, request.Kind.Group, request.Kind.Kind, Causes: causes),
    };

    private static T? Read<T>(JsonObject? json)
        where T : ApiObject, IKind<T>
    {
        try
        {
            return json?.Deserialize(T.Info.Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

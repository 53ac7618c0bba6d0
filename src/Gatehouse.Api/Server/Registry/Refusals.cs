using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Registry;

/// <summary>The Statuses of refusals, in Kubernetes' words.</summary>
internal static class Refusals
{
    public static Status Of(int code, string? reason, string message, StatusDetails? details = null) =>
        new() { Code = code, Reason = reason, Message = message, Details = details };

    public static Status Unauthorized(string why) => Of(401, StatusReason.Unauthorized, $"Unauthorized: {why}");

    public static Status BadRequest(string message) => Of(400, StatusReason.BadRequest, message);

    public static Status NoSuchPath() => Of(404, StatusReason.NotFound, "the server could not find the requested resource", new StatusDetails());

    public static Status MethodNotAllowed(string method, string path) =>
        Of(405, StatusReason.MethodNotAllowed, $"the server does not allow {method} on {path}");

    public static Status TooLarge(int limit) => Of(413, StatusReason.RequestEntityTooLarge, $"Request entity too large: limit is {limit} bytes");

    public static Status UnsupportedMediaType(string? given, string accepted) =>
        Of(415, StatusReason.UnsupportedMediaType, $"the body of the request was in an unknown format ('{given}') - accepted media types include: {accepted}");

    public static Status NotAcceptable(string given) =>
        Of(406, StatusReason.NotAcceptable, $"only application/json is offered, not '{given}'");

    public static Status TooMany(string what) =>
        Of(429, StatusReason.TooManyRequests, $"too many {what}, please try again later", new StatusDetails(RetryAfterSeconds: 1));

    public static Status Internal(string message) => Of(500, StatusReason.InternalError, message);

    public static Status Unavailable(string message) =>
        Of(503, StatusReason.ServiceUnavailable, message, new StatusDetails(RetryAfterSeconds: 1));

    public static Status NotFound(RegisteredKind kind, string name) =>
        Of(404, StatusReason.NotFound, $"{kind.Resource} \"{name}\" not found", Details(kind, name));

    public static Status AlreadyExists(RegisteredKind kind, string name) =>
        Of(409, StatusReason.AlreadyExists, $"{kind.Resource} \"{name}\" already exists", Details(kind, name));

    public static Status Conflict(RegisteredKind kind, string name, string why) =>
        Of(409, StatusReason.Conflict, $"Operation cannot be fulfilled on {kind.Resource} \"{name}\": {why}", Details(kind, name));

    public static Status Modified(RegisteredKind kind, string name) =>
        Conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static Status Forbidden(AuthorizationRequest request, RegisteredKind kind, string why)
    {
        var resource = request.Subresource is null ? kind.Info.Plural : $"{kind.Info.Plural}/{request.Subresource}";
        var place = request.Namespace is null ? "at the cluster scope" : $"in the namespace \"{request.Namespace}\"";
        var name = request.Name is null ? "" : $" \"{request.Name}\"";
        return Of(
            403,
            StatusReason.Forbidden,
            $"{kind.Resource}{name} is forbidden: User \"{request.User.Name}\" cannot {request.Verb} resource \"{resource}\" in API group \"{kind.Info.Group}\" {place}: {why}",
            Details(kind, request.Name));
    }

    public static Status Invalid(RegisteredKind kind, string name, IReadOnlyList<Fault> faults)
    {
        var list = string.Join(", ", faults);
        return Of(
            422,
            StatusReason.Invalid,
            $"{kind.Info.Kind}.{kind.Info.Group} \"{name}\" is invalid: {(faults.Count == 1 ? list : $"[{list}]")}",
            Details(kind, name) with { Causes = [.. faults.Select(static f => new StatusCause(ReasonOf(f), f.ToString(), f.Field))] });
    }

    /// <summary>The revision is compacted.</summary>
    public static Status Expired(string message) => Of(410, StatusReason.Expired, message);

    /// <summary>A client asks for a revision that this server has not reached.</summary>
    public static Status FromTheFuture(long asked, long current) =>
        Of(504, StatusReason.Timeout, $"Too large resource version: {asked}, current: {current}", new StatusDetails(
            Causes: [new StatusCause("ResourceVersionTooLarge", "Too large resource version", null)], RetryAfterSeconds: 1));

    public static Status Deleted(RegisteredKind kind, string name, string? uid) =>
        new() { Code = 200, Details = Details(kind, name) with { Uid = uid } };

    private static StatusDetails Details(RegisteredKind kind, string? name) => new(name, kind.Info.Group, kind.Info.Plural);

    private static string ReasonOf(Fault fault) =>
        fault.Expected.StartsWith("is required", StringComparison.Ordinal) ? "FieldValueRequired" : "FieldValueInvalid";
}

namespace Gatehouse.Objects;

/// <summary>The answer to a failed call (Kubernetes meta/v1 Status), and to a delete.</summary>
public sealed record Status
{
    public string ApiVersion { get; set; } = "v1";

    public string Kind { get; set; } = "Status";

    public ListMeta Metadata { get; set; } = new(null);

    /// <summary><c>Success</c> or <c>Failure</c>.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("status")]
    public string Phase => Code is >= 200 and < 300 ? "Success" : "Failure";

    /// <summary>For people.</summary>
    public string Message { get; set; } = "";

    /// <summary>For programs: one of <see cref="StatusReason"/>.</summary>
    public string? Reason { get; set; }

    /// <summary>The object and each of its faults.</summary>
    public StatusDetails? Details { get; set; }

    /// <summary>The HTTP status.</summary>
    public int Code { get; set; }
}

/// <summary>What a failed call was about.</summary>
public sealed record StatusDetails(
    string? Name = null,
    string? Group = null,
    string? Kind = null,
    string? Uid = null,
    IReadOnlyList<StatusCause>? Causes = null,
    int? RetryAfterSeconds = null);

/// <summary>One fault of an object.</summary>
public sealed record StatusCause(string? Reason, string? Message, string? Field);

/// <summary>Reasons as Kubernetes names them (meta/v1 StatusReason).</summary>
public static class StatusReason
{
    public const string Unauthorized = "Unauthorized";
    public const string Forbidden = "Forbidden";
    public const string NotFound = "NotFound";
    public const string AlreadyExists = "AlreadyExists";
    public const string Conflict = "Conflict";
    public const string Gone = "Gone";
    public const string Expired = "Expired";
    public const string Invalid = "Invalid";
    public const string BadRequest = "BadRequest";
    public const string MethodNotAllowed = "MethodNotAllowed";
    public const string NotAcceptable = "NotAcceptable";
    public const string UnsupportedMediaType = "UnsupportedMediaType";
    public const string RequestEntityTooLarge = "RequestEntityTooLarge";
    public const string TooManyRequests = "TooManyRequests";
    public const string Timeout = "Timeout";
    public const string ServiceUnavailable = "ServiceUnavailable";
    public const string InternalError = "InternalError";
}

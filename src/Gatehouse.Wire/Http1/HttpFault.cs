namespace Gatehouse.Wire.Http1;

/// <summary>Why a head is refused. The name goes to metrics, <see cref="HttpFaults.Text"/> to logs.</summary>
public enum HttpFault : byte
{
    None,
    BareLineFeed,
    StartLineTooLong,
    HeadTooLarge,
    TooManyFields,
    Method,
    Target,
    Version,
    VersionUnsupported,
    Status,
    FieldName,
    SpaceBeforeColon,
    LineFolding,
    FieldValue,
    Host,
    HostMissing,
    HostRepeated,
    ContentLength,
    ContentLengthRepeated,
    TransferEncoding,
    TransferEncodingUnsupported,
    TransferEncodingRepeated,
    TransferEncodingInHttp10,
    LengthAndEncoding,
    Connection,
    Disguised,
    Expectation,
}

/// <summary>What is said of faults.</summary>
public static class HttpFaults
{
    /// <summary>One line for the log, with the rule that it breaks.</summary>
    public static string Text(this HttpFault fault) => fault switch
    {
        HttpFault.None => "no fault",
        HttpFault.BareLineFeed => "a line ends in LF without CR (RFC 9112 §2.2)",
        HttpFault.StartLineTooLong => "the start line is longer than allowed here",
        HttpFault.HeadTooLarge => "the head is larger than allowed here",
        HttpFault.TooManyFields => "more fields than allowed here",
        HttpFault.Method => "the method is no token (RFC 9110 §9.1)",
        HttpFault.Target => "the request target is malformed (RFC 9112 §3.2)",
        HttpFault.Version => "the version is malformed (RFC 9112 §2.3)",
        HttpFault.VersionUnsupported => "the version is neither HTTP/1.1 nor HTTP/1.0",
        HttpFault.Status => "the status line is malformed (RFC 9112 §4)",
        HttpFault.FieldName => "a field name is no token (RFC 9110 §5.1)",
        HttpFault.SpaceBeforeColon => "white space before a colon (RFC 9112 §5.1)",
        HttpFault.LineFolding => "a line begins with white space (RFC 9112 §5.2)",
        HttpFault.FieldValue => "a control character, a lone CR or NUL in a field value (RFC 9110 §5.5)",
        HttpFault.Host => "Host is malformed (RFC 9112 §3.2)",
        HttpFault.HostMissing => "Host is missing (RFC 9112 §3.2)",
        HttpFault.HostRepeated => "Host is there twice (RFC 9112 §3.2)",
        HttpFault.ContentLength => "Content-Length is no number (RFC 9110 §8.6)",
        HttpFault.ContentLengthRepeated => "Content-Length is there twice (RFC 9112 §6.3)",
        HttpFault.TransferEncoding => "Transfer-Encoding is malformed (RFC 9112 §6.1)",
        HttpFault.TransferEncodingUnsupported => "a Transfer-Encoding other than chunked (RFC 9112 §6.1)",
        HttpFault.TransferEncodingRepeated => "Transfer-Encoding is there twice (RFC 9112 §6.3)",
        HttpFault.TransferEncodingInHttp10 => "Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)",
        HttpFault.LengthAndEncoding => "both Content-Length and Transfer-Encoding (RFC 9112 §6.3)",
        HttpFault.Connection => "Connection is malformed or names Host (RFC 9110 §7.6.1)",
        HttpFault.Disguised => "a field that differs from one of framing or forwarding in an underscore alone",
        HttpFault.Expectation => "an expectation other than 100-continue (RFC 9110 §10.1.1)",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The status with which a request is refused.</summary>
    public static int Status(this HttpFault fault) => fault switch
    {
        HttpFault.StartLineTooLong => 414,
        HttpFault.HeadTooLarge or HttpFault.TooManyFields => 431,
        HttpFault.VersionUnsupported => 505,
        HttpFault.TransferEncodingUnsupported => 501,
        HttpFault.Expectation => 417,
        _ => 400,
    };
}

using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Access;

/// <summary>
/// Why something was refused or cut off, as one small number for counters and log lines: a fault of a head, a fault of a chunk, or one of these. Labels of metrics are made of the
/// names, so that there are as many as there are rules and no more.
/// </summary>
internal static class RefusalReasons
{
    public const int None = 0;
    private const int Chunks = 64;
    private const int Own = 128;

    /// <summary>All that there are.</summary>
    public static IEnumerable<int> All =>
        Enum.GetValues<HttpFault>().Where(f => f != HttpFault.None).Select(Of)
            .Concat(Enum.GetValues<ChunkFault>().Where(f => f != ChunkFault.None).Select(Of))
            .Concat(Enum.GetValues<Refusal>().Select(Of));

    public static int Of(HttpFault fault) => (int)fault;

    public static int Of(ChunkFault fault) => Chunks + (int)fault;

    public static int Of(Refusal refusal) => Own + (int)refusal;

    /// <summary>The name for a metric's label: camel case as the enumerations have it, in snake case.</summary>
    public static string Name(int reason) => Snake(reason switch
    {
        >= Own => ((Refusal)(reason - Own)).ToString(),
        >= Chunks => "Chunk" + (ChunkFault)(reason - Chunks),
        _ => ((HttpFault)reason).ToString(),
    });

    /// <summary>What the log says.</summary>
    public static string Text(int reason) => reason switch
    {
        None => "",
        >= Own => ((Refusal)(reason - Own)).Text(),
        >= Chunks => ((ChunkFault)(reason - Chunks)).Text(),
        _ => ((HttpFault)reason).Text(),
    };

    /// <summary>The same for log lines, each character a byte, made once.</summary>
    public static ReadOnlySpan<byte> Bytes(int reason) => Texts[reason];

    private static readonly byte[][] Texts = MakeTexts();

    private static byte[][] MakeTexts()
    {
        var texts = new byte[256][];
        Array.Fill(texts, []);
        foreach (var reason in All) texts[reason] = System.Text.Encoding.Latin1.GetBytes(Text(reason));
        return texts;
    }

    private static string Snake(string name) =>
        string.Concat(name.Select((c, i) => char.IsAsciiLetterUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));
}

/// <summary>Reasons that are not in the grammar of a message.</summary>
internal enum Refusal
{
    MethodNotAllowed,
    PathEscape,
    NoRoute,
    NoEndpoint,
    BodyTooLarge,
    HeaderTimeout,
    BodyTimeout,
    BodyTooSlow,
    TooManyConnectionsOfClient,
    ConnectFailed,
    ConnectTimeout,
    ResponseTimeout,
    ResponseIdle,
    ResponseInvalid,
    ResponseCutOff,
    TooManyInformational,
    UnexpectedUpgrade,
    UpstreamClosed,
    ClientClosed,
    ClientStalled,
    ProxyHeaderInvalid,
    ProxyHeaderUntrusted,
    HandshakeTimeout,
    HandshakeFailed,
    ClientCertificate,
    UpstreamHandshakeFailed,
    UpstreamCertificate,
    ServerNameUnknown,
    HelloInvalid,
    FlowsExhausted,
    DrainDeadline,
    TunnelIdle,
    AcceptPaused,
    DescriptorsExhausted,
    DatagramDropped,
    EndpointRemoved,
}

/// <summary>What is said of them.</summary>
internal static class RefusalText
{
    /// <summary>One line for the log.</summary>
    public static string Text(this Refusal refusal) => refusal switch
    {
        Refusal.MethodNotAllowed => "CONNECT and TRACE are not passed on",
        Refusal.PathEscape => "an escape in the path is broken or stands for NUL (RFC 3986 §2.1)",
        Refusal.NoRoute => "no route takes the request",
        Refusal.NoEndpoint => "the group has no endpoint that takes requests",
        Refusal.BodyTooLarge => "the body is larger than allowed here",
        Refusal.HeaderTimeout => "the head did not come in time",
        Refusal.BodyTimeout => "no byte of the body came in time",
        Refusal.BodyTooSlow => "the body came slower than allowed here",
        Refusal.TooManyConnectionsOfClient => "the client has more connections than allowed here",
        Refusal.ConnectFailed => "no endpoint could be connected to",
        Refusal.ConnectTimeout => "connecting took too long",
        Refusal.ResponseTimeout => "the response did not begin in time",
        Refusal.ResponseIdle => "the response stopped",
        Refusal.ResponseInvalid => "the response is malformed",
        Refusal.ResponseCutOff => "the response was cut off",
        Refusal.TooManyInformational => "more 1xx responses than any server needs",
        Refusal.UnexpectedUpgrade => "101 to a request that asked for none",
        Refusal.UpstreamClosed => "the endpoint closed without a response",
        Refusal.ClientClosed => "the client closed before its response",
        Refusal.ClientStalled => "the client did not take its response",
        Refusal.ProxyHeaderInvalid => "the PROXY header is missing or malformed",
        Refusal.ProxyHeaderUntrusted => "the source may not connect here: PROXY headers are taken from others alone",
        Refusal.HandshakeTimeout => "the TLS handshake or PROXY header did not come in time",
        Refusal.HandshakeFailed => "the TLS handshake failed",
        Refusal.ClientCertificate => "the client's certificate is missing or not valid",
        Refusal.UpstreamHandshakeFailed => "the TLS handshake with the endpoint failed",
        Refusal.UpstreamCertificate => "the endpoint's certificate has expired, is not for the name, or is of no trusted authority",
        Refusal.ServerNameUnknown => "no certificate or route for the server name",
        Refusal.HelloInvalid => "the connection does not begin with a TLS hello",
        Refusal.FlowsExhausted => "more flows than allowed here",
        Refusal.DrainDeadline => "the engine's deadline came",
        Refusal.TunnelIdle => "nothing crossed the tunnel for too long",
        Refusal.AcceptPaused => "as many connections as allowed are open: new ones wait",
        Refusal.DescriptorsExhausted => "no descriptor is left: new connections wait",
        Refusal.DatagramDropped => "a UDP packet was dropped: the kernel had no room for it, or no way",
        Refusal.EndpointRemoved => "the endpoint is no longer configured",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

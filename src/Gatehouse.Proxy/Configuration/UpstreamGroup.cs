using System.Net;

namespace Gatehouse.Proxy.Configuration;

/// <summary>Endpoints that serve the same.</summary>
public sealed record UpstreamGroup
{
    /// <summary>Its name; HAProxy's backend in log lines.</summary>
    public required string Name { get; init; }

    /// <summary>How an endpoint is chosen.</summary>
    public BalanceAlgorithm Balance { get; init; }

    /// <summary>None: 503, or the connection is closed.</summary>
    public EquatableArray<Endpoint> Endpoints { get; init; }

    /// <summary>Null: the endpoints are spoken to in plain.</summary>
    public UpstreamTls? Tls { get; init; }

    /// <summary>The PROXY header that each connection begins with. For HTTP such connections carry the requests of one client alone.</summary>
    public ProxyProtocolVersion ProxyProtocol { get; init; }

    /// <summary>How long endpoints may take.</summary>
    public UpstreamTimeouts Timeouts { get; init; } = new();

    /// <summary>Connections that wait for another request, of each loop and endpoint. Default 128; 0 is none.</summary>
    public int MaxIdleConnections { get; init; } = 128;

    /// <summary>Further tries, each at another endpoint, when a connection cannot be made; with one endpoint there is none. Default 2.</summary>
    public int Retries { get; init; } = 2;
}

/// <summary>How an endpoint is chosen.</summary>
public enum BalanceAlgorithm
{
    /// <summary>Each connection or request the next, as often as its weight says.</summary>
    RoundRobin,
}

/// <summary>One place that serves.</summary>
public sealed record Endpoint
{
    /// <summary>Its name, unique in the group; HAProxy's server in log lines. Default: the address.</summary>
    public required string Name { get; init; }

    /// <summary>Address and port.</summary>
    public required IPEndPoint Address { get; init; }

    /// <summary>0 to 256; 0 gets nothing new. Default 1.</summary>
    public int Weight { get; init; } = 1;
}

/// <summary>How endpoints are spoken to in TLS.</summary>
public sealed record UpstreamTls
{
    /// <summary>Who may have signed the endpoints' certificates, PEM. Null: the system's authorities.</summary>
    public string? Authorities { get; init; }

    /// <summary>The name that is sent (SNI) and that the certificate must have. Null: the request's host; for TCP then no name is checked, only the signature.</summary>
    public string? ServerName { get; init; }

    /// <summary>Whether the certificate is checked. Default: it is.</summary>
    public bool Verify { get; init; } = true;

    /// <summary>The certificate that is shown. Null: none.</summary>
    public string? Certificate { get; init; }

    /// <summary>The oldest version. Default 1.2.</summary>
    public TlsVersion MinVersion { get; init; } = TlsVersion.Tls12;
}

/// <summary>A version of the PROXY protocol.</summary>
public enum ProxyProtocolVersion
{
    /// <summary>No header.</summary>
    None,

    /// <summary>Text.</summary>
    V1,

    /// <summary>Binary.</summary>
    V2,
}

/// <summary>How long endpoints may take. Zero is never.</summary>
public sealed record UpstreamTimeouts
{
    /// <summary>To connect, with TLS. Default 5 s; then 503 after the last try.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From the end of a request to the head of its response. Default 60 s; then 504.</summary>
    public TimeSpan Response { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Without a byte within a response. Default 60 s; then the connection to the client is cut.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Without a byte in either direction after an upgrade, and for TCP and UDP. Default 1 h, UDP 30 s.</summary>
    public TimeSpan? Tunnel { get; init; }

    /// <summary>How long a connection may wait for another request. Default 60 s.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(60);
}

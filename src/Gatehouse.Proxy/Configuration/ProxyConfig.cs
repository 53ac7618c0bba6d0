using System.Net;

namespace Gatehouse.Proxy.Configuration;

/// <summary>All that an engine serves. Names are unique among things of one kind; what refers to a thing does it by name.</summary>
public sealed record ProxyConfig
{
    /// <summary>Where connections come in.</summary>
    public EquatableArray<Listener> Listeners { get; init; }

    /// <summary>Host names with their routes. They belong to the listeners that they name, or to all that speak HTTP.</summary>
    public EquatableArray<VirtualHost> VirtualHosts { get; init; }

    /// <summary>Where requests and connections go.</summary>
    public EquatableArray<UpstreamGroup> Upstreams { get; init; }

    /// <summary>Certificates with their keys.</summary>
    public EquatableArray<Certificate> Certificates { get; init; }

    /// <summary>Settings of the process.</summary>
    public EngineSettings Engine { get; init; } = new();

    /// <summary>What is written about each request and connection.</summary>
    public AccessLog AccessLog { get; init; } = new();
}

/// <summary>Settings of the process.</summary>
public sealed record EngineSettings
{
    /// <summary>Loops, each a thread. 0, the default, is one for each processor. Taken at the start of an engine alone.</summary>
    public int Threads { get; init; }

    /// <summary>Client connections of all listeners together. Default 100,000; beyond it new ones wait in the kernel.</summary>
    public int MaxConnections { get; init; } = 100_000;

    /// <summary>How long an engine that was replaced may take to end what it has begun. Default 10 minutes; then it ends it.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The user that the engine becomes when its parent is root. Null, the default: it stays what its parent is.</summary>
    public string? User { get; init; }

    /// <summary>Where Prometheus finds <c>/metrics</c>, and a load balancer <c>/ready</c>. Null, the default: nowhere.</summary>
    public IPEndPoint? Admin { get; init; }
}

/// <summary>The form of an access log.</summary>
public enum AccessLogFormat
{
    /// <summary>Nothing is written.</summary>
    None,

    /// <summary>HAProxy's <c>httplog</c> for HTTP and <c>tcplog</c> for the rest, without the syslog header.</summary>
    Haproxy,

    /// <summary>One JSON object for each line.</summary>
    Json,
}

/// <summary>What is written about each request and connection.</summary>
public sealed record AccessLog
{
    /// <summary>Default: none.</summary>
    public AccessLogFormat Format { get; init; }

    /// <summary>The file, which is appended to, and opened anew on SIGHUP; <c>-</c>, the default, is standard output; <c>udp://HOST:PORT</c> is a syslog server (RFC 3164).</summary>
    public string Path { get; init; } = "-";
}

/// <summary>A certificate with its key, in PEM.</summary>
public sealed record Certificate
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The certificate and then its chain.</summary>
    public required string Chain { get; init; }

    /// <summary>The key, not encrypted.</summary>
    public required string Key { get; init; }

    /// <summary>An OCSP response to staple, DER in base64. Null: none.</summary>
    public string? OcspResponse { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"Certificate {Name}"; // A key must not come into a log by accident.
}

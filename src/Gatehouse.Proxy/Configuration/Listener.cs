using System.Net;

namespace Gatehouse.Proxy.Configuration;

/// <summary>What a listener speaks to its clients.</summary>
public enum ListenerProtocol
{
    /// <summary>HTTP/1.1 and 1.0.</summary>
    Http,

    /// <summary>The same in TLS.</summary>
    Https,

    /// <summary>TCP, passed on as it is.</summary>
    Tcp,

    /// <summary>TLS that ends here; what is in it is passed on as TCP.</summary>
    Tls,

    /// <summary>TLS that is passed on unread, to the group that the client's server name leads to.</summary>
    TlsPassthrough,

    /// <summary>UDP, in flows of one client's address and port.</summary>
    Udp,
}

/// <summary>Where connections come in.</summary>
public sealed record Listener
{
    /// <summary>Its name; HAProxy's frontend in log lines.</summary>
    public required string Name { get; init; }

    /// <summary>Address and port. 0.0.0.0 is every IPv4 address and no other, :: every IPv6 address and no other.</summary>
    public required IPEndPoint Address { get; init; }

    /// <summary>Default: HTTP.</summary>
    public ListenerProtocol Protocol { get; init; }

    /// <summary>The group for what no virtual host and no server name takes; for TCP, TLS and UDP, usually the only one. Null: 404, or the connection is closed.</summary>
    public string? DefaultUpstream { get; init; }

    /// <summary>Server names to groups, for <see cref="ListenerProtocol.Tls"/> and <see cref="ListenerProtocol.TlsPassthrough"/>.</summary>
    public EquatableArray<ServerNameRoute> ServerNames { get; init; }

    /// <summary>Sources that must send a PROXY header (version 1 or 2) before all else. A connection from elsewhere is closed. Empty, the default: nobody sends one.</summary>
    public EquatableArray<IPNetwork> ProxyProtocolFrom { get; init; }

    /// <summary>Sources whose forwarded fields are kept and added to; those of others are overwritten. Empty, the default: nobody.</summary>
    public EquatableArray<IPNetwork> TrustedProxies { get; init; }

    /// <summary>Which forwarded fields the upstream gets. Default: the four X-Forwarded fields.</summary>
    public ForwardedFields Forwarded { get; init; } = ForwardedFields.XForwarded;

    /// <summary>For <see cref="ListenerProtocol.Https"/> and <see cref="ListenerProtocol.Tls"/>, and null for others.</summary>
    public ListenerTls? Tls { get; init; }

    /// <summary>How long clients may take.</summary>
    public ClientTimeouts Timeouts { get; init; } = new();

    /// <summary>How much clients may send.</summary>
    public ClientLimits Limits { get; init; } = new();
}

/// <summary>Fields that tell the upstream who asked.</summary>
[Flags]
public enum ForwardedFields
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>X-Forwarded-For, -Proto, -Host and -Port.</summary>
    XForwarded = 1,

    /// <summary>RFC 7239.</summary>
    Forwarded = 2,
}

/// <summary>A server name (SNI) that leads to a group.</summary>
public sealed record ServerNameRoute
{
    /// <summary>Exact, <c>*.</c> and one label, or <c>**.</c> and any number of labels.</summary>
    public required string Host { get; init; }

    /// <summary>The group.</summary>
    public required string Upstream { get; init; }
}

/// <summary>How a listener ends TLS.</summary>
public sealed record ListenerTls
{
    /// <summary>The certificate for clients that name no server or one that no virtual host has. Null: such a handshake is refused (unrecognized_name).</summary>
    public string? DefaultCertificate { get; init; }

    /// <summary>More certificates, each for the names that stand in it.</summary>
    public EquatableArray<string> Certificates { get; init; }

    /// <summary>The oldest version: 1.2, the default, or 1.3.</summary>
    public TlsVersion MinVersion { get; init; } = TlsVersion.Tls12;

    /// <summary>The newest version. Default 1.3.</summary>
    public TlsVersion MaxVersion { get; init; } = TlsVersion.Tls13;

    /// <summary>Cipher suites of TLS 1.2 as OpenSSL writes them. Null: OpenSSL's default.</summary>
    public string? Ciphers { get; init; }

    /// <summary>Protocols offered, best first (ALPN). Default for HTTPS: http/1.1.</summary>
    public EquatableArray<string> Alpn { get; init; }

    /// <summary>Whether clients must show a certificate.</summary>
    public ClientCertificateMode ClientCertificates { get; init; }

    /// <summary>Who may have signed clients' certificates, PEM. Required unless <see cref="ClientCertificates"/> is none.</summary>
    public string? ClientAuthorities { get; init; }

    /// <summary>Keys of session tickets, 80 bytes each in base64; the first encrypts, all decrypt. Share them between machines and rotate them. Empty: a key of the process, renewed each 12 hours.</summary>
    public EquatableArray<string> TicketKeys { get; init; }

    /// <summary>Whether sessions are resumed. Default: they are.</summary>
    public bool Resumption { get; init; } = true;
}

/// <summary>A version of TLS.</summary>
public enum TlsVersion
{
    /// <summary>TLS 1.2.</summary>
    Tls12,

    /// <summary>TLS 1.3.</summary>
    Tls13,
}

/// <summary>Whether clients show certificates.</summary>
public enum ClientCertificateMode
{
    /// <summary>They are not asked.</summary>
    None,

    /// <summary>They are asked; one that is shown must be valid.</summary>
    Optional,

    /// <summary>Without a valid one there is no connection.</summary>
    Required,
}

/// <summary>How long clients may take. Zero is never.</summary>
public sealed record ClientTimeouts
{
    /// <summary>From accepting to the end of the TLS handshake, and for a PROXY header. Default 10 s.</summary>
    public TimeSpan Handshake { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From a request's first byte to the end of its head, and for a new connection to its first byte. Default 10 s; then 408, or the end where no byte has come.</summary>
    public TimeSpan Header { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two requests. Default 60 s; then the connection is closed.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Without a byte of a body that is awaited, or without one taken of what is sent. Default 60 s; then 408 or the end. TCP and UDP have the group's <see cref="UpstreamTimeouts.Tunnel"/> alone.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>How much clients may send.</summary>
public sealed record ClientLimits
{
    /// <summary>Bytes of the method, target and version. Default 8,192; beyond it 414.</summary>
    public int RequestLineBytes { get; init; } = 8_192;

    /// <summary>Bytes of the whole head. Default 16,384, at most 61,440; beyond it 431.</summary>
    public int HeadBytes { get; init; } = 16_384;

    /// <summary>Header fields. Default 100, at most 1,000; beyond it 431.</summary>
    public int Fields { get; init; } = 100;

    /// <summary>Bytes of a request's body. 0, the default: any number. Beyond it 413.</summary>
    public long BodyBytes { get; init; }

    /// <summary>Bytes a second that a body must come with after its first 10 seconds, on the whole. Default 128; 0 is no minimum. Below it 408.</summary>
    public int MinBodyRate { get; init; } = 128;

    /// <summary>Connections at a time from one client (an IPv4 address, an IPv6 /64). 0, the default: any number. Beyond it 429, or for what is not HTTP the end.</summary>
    public int ConnectionsPerClient { get; init; }

    /// <summary>Connections at a time of this listener. 0, the default: as many as the engine takes. Beyond it new ones wait in the kernel.</summary>
    public int Connections { get; init; }

    /// <summary>UDP flows at a time. Default 65,536; beyond it the packets of new ones are dropped.</summary>
    public int Flows { get; init; } = 65_536;
}

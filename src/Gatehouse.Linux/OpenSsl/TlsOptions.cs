namespace Gatehouse.Linux.OpenSsl;

/// <summary>Finds the context for the name that a client asks for (SNI), on the loop's thread and without allocation. The name is as the client sent it, in any case; empty when it sent none. Null: the handshake is refused (unrecognized_name). The context that is found must live as long as the one that asks.</summary>
public delegate TlsContext? TlsServerNameLookup(ReadOnlySpan<byte> name);

/// <summary>What both ends of TLS have to be told.</summary>
public abstract record TlsOptions
{
    /// <summary>The oldest version. Default 1.2.</summary>
    public TlsProtocol MinVersion { get; init; } = TlsProtocol.Tls12;

    /// <summary>The newest version. Default 1.3.</summary>
    public TlsProtocol MaxVersion { get; init; } = TlsProtocol.Tls13;

    /// <summary>Cipher suites of TLS 1.2 as OpenSSL writes them (ciphers(1)). Null, the default: OpenSSL's.</summary>
    public string? Ciphers { get; init; }

    /// <summary>Protocols within TLS, best first: 1 to 255 bytes each. Empty, the default: nothing is said about it.</summary>
    public IReadOnlyList<string> Alpn { get; init; } = [];

    /// <summary>What this end shows. Null: nothing; a server then needs <see cref="TlsServerOptions.Names"/>.</summary>
    public TlsCertificate? Certificate { get; init; }

    /// <summary>A file that secrets are appended to, for debugging with a sniffer: whoever has it reads all traffic. Null, the default: none. Writing may block the loop.</summary>
    public string? KeyLog { get; init; }
}

/// <summary>How a server speaks TLS.</summary>
public sealed record TlsServerOptions : TlsOptions
{
    /// <summary>Whether clients are asked for certificates.</summary>
    public TlsClientCertificates ClientCertificates { get; init; }

    /// <summary>Who may have signed them; their names are sent to the client. Required unless <see cref="ClientCertificates"/> is none.</summary>
    public TlsAuthorities? ClientAuthorities { get; init; }

    /// <summary>The keys of session tickets. Null, the default: sessions are not resumed.</summary>
    public TlsTicketKeys? TicketKeys { get; init; }

    /// <summary>Finds contexts by name. Null, the default: this one serves every name. Of a context that was found, certificate, staple, ciphers and authorities count; all else is of the one that asked.</summary>
    public TlsServerNameLookup? Names { get; init; }

    /// <summary>Is called once, when the context is disposed and no handshake runs in it any more: from then on <see cref="Names"/> is not called. By the thread that was last.</summary>
    public Action? Unused { get; init; }
}

/// <summary>How a client speaks TLS.</summary>
public sealed record TlsClientOptions : TlsOptions
{
    /// <summary>Who may have signed the server's certificate. Null: it is not checked at all.</summary>
    public TlsAuthorities? Authorities { get; init; }

    /// <summary>Whether sessions are resumed. Default: they are.</summary>
    public bool Resumption { get; init; } = true;
}

namespace Gatehouse.Linux.OpenSsl;

/// <summary>How a call of a <see cref="TlsSession"/> ended.</summary>
public enum TlsStatus
{
    /// <summary>It did what it was called for.</summary>
    Done,

    /// <summary>All received ciphertext is read, and more is needed.</summary>
    WantInput,

    /// <summary>There is no room for more ciphertext: send what is there and call again.</summary>
    WantOutput,

    /// <summary>The peer said that it sends no more (close_notify). Writing still works.</summary>
    Closed,

    /// <summary>The session is broken: <see cref="TlsSession.LastFault"/> says why. There may be an alert to send.</summary>
    Failed,
}

/// <summary>A version of TLS, as it stands on the wire.</summary>
public enum TlsProtocol
{
    /// <summary>None is agreed yet.</summary>
    None = 0,

    /// <summary>TLS 1.2.</summary>
    Tls12 = 0x0303,

    /// <summary>TLS 1.3.</summary>
    Tls13 = 0x0304,
}

/// <summary>The protocol within TLS that both agreed to (RFC 7301).</summary>
public enum TlsAlpn
{
    /// <summary>They did not speak of it.</summary>
    None,

    /// <summary>http/1.1.</summary>
    Http11,

    /// <summary>h2.</summary>
    Http2,

    /// <summary>Another: <see cref="TlsSession.AlpnName"/>.</summary>
    Other,
}

/// <summary>Whether a server asks for clients' certificates.</summary>
public enum TlsClientCertificates
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>It does; one that is shown must be valid.</summary>
    Optional,

    /// <summary>Without a valid one there is no session.</summary>
    Required,
}

/// <summary>What kind of fault broke a session; few enough for a metric's label.</summary>
public enum TlsFaultKind
{
    /// <summary>None did.</summary>
    None,

    /// <summary>The peer broke the protocol, or there was nothing that both can do.</summary>
    Protocol,

    /// <summary>The peer said so, by an alert.</summary>
    PeerAlert,

    /// <summary>The peer's certificate is not good, or there is none.</summary>
    Certificate,

    /// <summary>The name that the client asked for is not served.</summary>
    UnknownName,

    /// <summary>The connection ended without close_notify.</summary>
    Truncated,
}

namespace Gatehouse.Wire.ProxyProtocol;

/// <summary>What reading a PROXY header came to.</summary>
public enum ProxyStatus
{
    /// <summary>The bytes may become a header; read again when there are more.</summary>
    Incomplete = 0,

    /// <summary>There is a header.</summary>
    Complete,

    /// <summary>The bytes can't become a header any more.</summary>
    Invalid,
}

/// <summary>Why bytes are no PROXY header (haproxy.org/download/2.6/doc/proxy-protocol.txt).</summary>
public enum ProxyFault
{
    None = 0,

    /// <summary>Neither <c>PROXY </c> nor the signature of version 2: the peer does not speak the protocol.</summary>
    Signature,

    /// <summary>Longer than 107 bytes (version 1), or than the bound that was given (version 2).</summary>
    TooLong,

    /// <summary>Version 1: something else than TCP4, TCP6 or UNKNOWN.</summary>
    Protocol,

    /// <summary>Version 1: an address that is none of its family.</summary>
    Address,

    /// <summary>Version 1: a port that is no number from 0 to 65535 without leading zeros.</summary>
    Port,

    /// <summary>Version 1: the line does not end in CRLF where it must, or holds a control character.</summary>
    LineEnd,

    /// <summary>Version 2: neither version 2 with LOCAL nor with PROXY.</summary>
    Command,

    /// <summary>Version 2: a family and transport that the protocol does not define.</summary>
    Family,

    /// <summary>Version 2: shorter than its addresses.</summary>
    Length,

    /// <summary>Version 2: a TLV that goes beyond the header.</summary>
    Tlv,

    /// <summary>Version 2: a CRC32C that is not the header's, is not 4 bytes long, or is there twice.</summary>
    Checksum,
}

/// <summary>Who speaks.</summary>
public enum ProxyCommand : byte
{
    /// <summary>The peer itself, for instance its health check: its own socket's addresses hold.</summary>
    Local = 0,

    /// <summary>The peer for somebody else.</summary>
    Proxy = 1,
}

/// <summary>Faults in words, for logs and labels.</summary>
public static class ProxyFaultText
{
    /// <summary>What was wrong; a constant text, nothing is allocated.</summary>
    public static string Text(this ProxyFault fault) => fault switch
    {
        ProxyFault.None => "none",
        ProxyFault.Signature => "no PROXY header",
        ProxyFault.TooLong => "PROXY header is too long",
        ProxyFault.Protocol => "PROXY header names no known protocol",
        ProxyFault.Address => "PROXY header has a malformed address",
        ProxyFault.Port => "PROXY header has a malformed port",
        ProxyFault.LineEnd => "PROXY header does not end in CRLF",
        ProxyFault.Command => "PROXY header has an unknown version or command",
        ProxyFault.Family => "PROXY header has an unknown address family",
        ProxyFault.Length => "PROXY header is shorter than its addresses",
        ProxyFault.Tlv => "PROXY header has a TLV beyond its end",
        ProxyFault.Checksum => "PROXY header has a wrong checksum",
        _ => "unknown",
    };
}

/// <summary>What a PROXY header says of a connection.</summary>
public readonly record struct ProxyHeader
{
    /// <summary>The health check of a peer, or a connection that it passes on.</summary>
    public ProxyCommand Command { get; init; }

    /// <summary>Whether the connection that is passed on was of datagrams (version 2 alone can say so).</summary>
    public bool IsDatagram { get; init; }

    /// <summary>The client. Not set: LOCAL, UNKNOWN, or a family without IP addresses; then the socket's own addresses hold.</summary>
    public WireEndPoint Source { get; init; }

    /// <summary>Where the client connected to. Set when <see cref="Source"/> is.</summary>
    public WireEndPoint Destination { get; init; }

    /// <summary>Whether the header replaces the addresses of the socket.</summary>
    public bool HasAddresses => Source.IsSet;
}

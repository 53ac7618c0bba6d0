namespace Gatehouse.Wire.Tls;

/// <summary>What reading a ClientHello came to.</summary>
public enum HelloStatus
{
    /// <summary>The bytes may become a ClientHello; read again when there are more.</summary>
    Incomplete = 0,

    /// <summary>There is a ClientHello.</summary>
    Complete,

    /// <summary>The connection does not begin with a TLS handshake record: other protocols, and SSL 2.</summary>
    NotTls,

    /// <summary>TLS, but broken; <see cref="ClientHelloReader.Fault"/> says where.</summary>
    Invalid,
}

/// <summary>Which rule a ClientHello broke.</summary>
public enum HelloFault
{
    None = 0,

    /// <summary>The first byte is no handshake record's, or the version is not TLS's.</summary>
    NotTls,

    /// <summary>A record is empty or longer than 2^14 bytes (RFC 8446 §5.1).</summary>
    RecordLength,

    /// <summary>Another type of record, or version, between the parts of the hello.</summary>
    RecordType,

    /// <summary>The hello comes in more than <see cref="ClientHelloReader.MaxRecords"/> records.</summary>
    TooManyRecords,

    /// <summary>The handshake begins with another message.</summary>
    NotClientHello,

    /// <summary>Longer than <see cref="ClientHelloReader.MaxLength"/>, or than the place that was given.</summary>
    TooLong,

    /// <summary>Something follows the hello in its record.</summary>
    Trailing,

    /// <summary>A field or list of the hello does not fit, or does not end where it must (RFC 8446 §4.1.2).</summary>
    Structure,

    /// <summary>An extension is there twice (RFC 8446 §4.2).</summary>
    DuplicateExtension,

    /// <summary>The list of server names is malformed, or has two of one type (RFC 6066 §3).</summary>
    ServerNames,

    /// <summary>The server name is no host name: empty, too long, a NUL or other character, an empty label, a dot at its end.</summary>
    HostName,

    /// <summary>The list of application protocols is malformed (RFC 7301 §3.1).</summary>
    Protocols,
}

/// <summary>Faults in words, for logs and labels.</summary>
public static class HelloFaultText
{
    /// <summary>What was wrong; a constant text, nothing is allocated.</summary>
    public static string Text(this HelloFault fault) => fault switch
    {
        HelloFault.None => "none",
        HelloFault.NotTls => "no TLS handshake",
        HelloFault.RecordLength => "TLS record has a forbidden length",
        HelloFault.RecordType => "TLS record of another kind within the ClientHello",
        HelloFault.TooManyRecords => "TLS ClientHello comes in too many records",
        HelloFault.NotClientHello => "TLS handshake does not begin with a ClientHello",
        HelloFault.TooLong => "TLS ClientHello is too long",
        HelloFault.Trailing => "TLS ClientHello is followed by another message",
        HelloFault.Structure => "TLS ClientHello is malformed",
        HelloFault.DuplicateExtension => "TLS ClientHello has an extension twice",
        HelloFault.ServerNames => "TLS server name extension is malformed",
        HelloFault.HostName => "TLS server name is no host name",
        HelloFault.Protocols => "TLS ALPN extension is malformed",
        _ => "unknown",
    };
}

/// <summary>What a ClientHello asks for: places in the scratch that it was read into.</summary>
public readonly record struct ClientHello
{
    /// <summary>Bytes of the hello, its handshake header included: the scratch's part that holds it.</summary>
    public int Length { get; init; }

    /// <summary>Where the server name is.</summary>
    public int NameOffset { get; init; }

    /// <summary>Its bytes; 0: the client named none, or an IP address, which is no name (RFC 6066 §3).</summary>
    public int NameLength { get; init; }

    /// <summary>Where the first application protocol is, with its length byte.</summary>
    public int AlpnOffset { get; init; }

    /// <summary>Bytes of all of them, each with its length byte; 0: the client named none.</summary>
    public int AlpnLength { get; init; }

    /// <summary>The server name, in lower case.</summary>
    public ReadOnlySpan<byte> Name(ReadOnlySpan<byte> scratch) => scratch.Slice(NameOffset, NameLength);

    /// <summary>The application protocols in the client's order: <c>foreach</c> gives each name.</summary>
    public AlpnNames Protocols(ReadOnlySpan<byte> scratch) => new(scratch.Slice(AlpnOffset, AlpnLength));
}

/// <summary>The names of an ALPN list (RFC 7301 §3.1) that was found right.</summary>
public ref struct AlpnNames
{
    private ReadOnlySpan<byte> _rest;

    internal AlpnNames(ReadOnlySpan<byte> list) => _rest = list;

    /// <summary>The name that the last <see cref="MoveNext"/> came to.</summary>
    public ReadOnlySpan<byte> Current { readonly get; private set; }

    /// <summary>For <c>foreach</c>.</summary>
    public readonly AlpnNames GetEnumerator() => this;

    /// <summary>Goes to the next name; false behind the last.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        Current = _rest.Slice(1, _rest[0]);
        _rest = _rest[(1 + _rest[0])..];
        return true;
    }

    /// <summary>Whether the client offers this protocol.</summary>
    public readonly bool Contains(ReadOnlySpan<byte> name)
    {
        foreach (var offered in this)
        {
            if (offered.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }
}

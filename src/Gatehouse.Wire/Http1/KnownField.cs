using System.Text;

namespace Gatehouse.Wire.Http1;

/// <summary>The fields that a gateway acts on; all others pass it by.</summary>
public enum KnownField : byte
{
    Other,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    KeepAlive,
    ProxyConnection,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyAuthenticationInfo,
    Te,
    Trailer,
    Upgrade,
    Expect,
    Forwarded,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XForwardedPort,
    XRealIp,
    Date,
    Server,
}

/// <summary>Tells fields by their names.</summary>
public static class KnownFields
{
    private const int Longest = 25;

    /// <summary>Which field has the name, in any case.</summary>
    /// <param name="name">A token.</param>
    /// <param name="disguised">
    /// It is none, but would be one of framing or forwarding if its underscores were hyphens: servers that make variables of fields take it for that one.
    /// </param>
    public static KnownField Identify(ReadOnlySpan<byte> name, out bool disguised)
    {
        disguised = false;
        var known = ByLength(name);
        if (known != KnownField.Other || name.Length > Longest || !name.Contains((byte)'_')) return known;
        Span<byte> plain = stackalloc byte[Longest];
        name.Replace(plain[..name.Length], (byte)'_', (byte)'-');
        disguised = ByLength(plain[..name.Length]) is not (KnownField.Other or KnownField.Date or KnownField.Server);
        return KnownField.Other;
    }

    /// <summary>Fields that concern one connection, whether Connection names them or not (RFC 9110 §7.6.1).</summary>
    public static bool IsHop(KnownField field) =>
        field is >= KnownField.Connection and <= KnownField.Te or KnownField.Upgrade;

    private static KnownField ByLength(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => Is(name, "te"u8, KnownField.Te),
        4 => (name[0] | 0x20) == 'h' ? Is(name, "host"u8, KnownField.Host) : Is(name, "date"u8, KnownField.Date),
        6 => (name[1] | 0x20) == 'x' ? Is(name, "expect"u8, KnownField.Expect) : Is(name, "server"u8, KnownField.Server),
        7 => (name[0] | 0x20) == 'u' ? Is(name, "upgrade"u8, KnownField.Upgrade) : Is(name, "trailer"u8, KnownField.Trailer),
        9 => (name[0] | 0x20) == 'x' ? Is(name, "x-real-ip"u8, KnownField.XRealIp) : Is(name, "forwarded"u8, KnownField.Forwarded),
        10 => (name[0] | 0x20) == 'c' ? Is(name, "connection"u8, KnownField.Connection) : Is(name, "keep-alive"u8, KnownField.KeepAlive),
        14 => Is(name, "content-length"u8, KnownField.ContentLength),
        15 => Is(name, "x-forwarded-for"u8, KnownField.XForwardedFor),
        16 => (name[0] | 0x20) == 'p' ? Is(name, "proxy-connection"u8, KnownField.ProxyConnection)
            : (name[12] | 0x20) == 'h' ? Is(name, "x-forwarded-host"u8, KnownField.XForwardedHost) : Is(name, "x-forwarded-port"u8, KnownField.XForwardedPort),
        17 => (name[0] | 0x20) == 't' ? Is(name, "transfer-encoding"u8, KnownField.TransferEncoding) : Is(name, "x-forwarded-proto"u8, KnownField.XForwardedProto),
        18 => Is(name, "proxy-authenticate"u8, KnownField.ProxyAuthenticate),
        19 => Is(name, "proxy-authorization"u8, KnownField.ProxyAuthorization),
        25 => Is(name, "proxy-authentication-info"u8, KnownField.ProxyAuthenticationInfo),
        _ => KnownField.Other,
    };

    private static KnownField Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> expected, KnownField field) => Ascii.EqualsIgnoreCase(name, expected) ? field : KnownField.Other;
}

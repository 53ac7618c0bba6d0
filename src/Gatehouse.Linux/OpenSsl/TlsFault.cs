using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>Why a session broke. Two numbers: words are made when somebody asks.</summary>
public readonly record struct TlsFault
{
    // openssl/sslerr.h; an alert of the peer is 1000 and the alert's number.
    private const int ReasonAlert = 1_000;
    private const int ReasonAlertEnd = 1_256;
    private const int ReasonVerifyFailed = 134;
    private const int ReasonNoPeerCertificate = 199;
    private const int ReasonCallbackFailed = 234;
    private const int SslLibrary = 20;

    private static readonly ConcurrentDictionary<ulong, string> Texts = new();

    private readonly ulong _code;
    private readonly int _verify;

    private TlsFault(TlsFaultKind kind, ulong code, int verify)
    {
        Kind = kind;
        _code = code;
        _verify = verify;
    }

    /// <summary>What kind of fault.</summary>
    public TlsFaultKind Kind { get; }

    internal static TlsFault Truncation => new(TlsFaultKind.Truncated, 0, 0);

    /// <summary>OpenSSL's words for it, with what is wrong with the certificate. Empty without a fault.</summary>
    public override string ToString() => Kind switch
    {
        TlsFaultKind.None => "",
        TlsFaultKind.Truncated => "the connection ended without close_notify",
        _ when _code == 0 => "OpenSSL gave no reason",
        _ when _verify != 0 => $"{ReasonOf(_code)}: {VerifyText(_verify)}",
        _ => ReasonOf(_code),
    };

    /// <summary>What OpenSSL noted last on this thread.</summary>
    internal static TlsFault Take(nint ssl)
    {
        var code = Libcrypto.LastError();
        var kind = KindOf(code);
        return new(kind, code, kind == TlsFaultKind.Certificate ? (int)Libssl.VerifyResult(ssl) : 0);
    }

    private static TlsFaultKind KindOf(ulong code)
    {
        var reason = (int)(code & 0x7F_FFFF);
        return (code >> 23 & 0xFF) != SslLibrary ? TlsFaultKind.Protocol : reason switch
        {
            ReasonVerifyFailed or ReasonNoPeerCertificate => TlsFaultKind.Certificate,
            ReasonCallbackFailed => TlsFaultKind.UnknownName,
            >= ReasonAlert and < ReasonAlertEnd => TlsFaultKind.PeerAlert,
            _ => TlsFaultKind.Protocol,
        };
    }

    /// <summary>As many as OpenSSL has reasons: bounded by the library.</summary>
    private static string ReasonOf(ulong code) => Texts.GetOrAdd(code, static c => OpenSslLibrary.ReasonOf(c));

    private static unsafe string VerifyText(int error) => Marshal.PtrToStringUTF8((nint)Libcrypto.VerifyErrorText(error)) ?? $"error {error}";
}

using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>A certificate with its chain, its key and what is stapled to it. Immutable; contexts keep what they use of it, so it may be disposed after they are made.</summary>
public sealed unsafe class TlsCertificate : IDisposable
{
    private List<nint> _chain;
    private nint _key;

    private TlsCertificate(List<nint> chain, nint key, byte[]? staple)
    {
        _chain = chain;
        _key = key;
        Staple = staple;
    }

    /// <summary>The OCSP response that clients get who ask for it, DER, or null.</summary>
    internal byte[]? Staple { get; }

    internal nint Key => _key;

    /// <summary>The certificate and then those that signed it.</summary>
    internal IReadOnlyList<nint> Chain
    {
        get
        {
            ObjectDisposedException.ThrowIf(_key == 0, this);
            return _chain;
        }
    }

    /// <summary>Reads a certificate, its chain and its key.</summary>
    /// <param name="chain">PEM: the certificate and then its chain.</param>
    /// <param name="key">PEM: the key, not encrypted.</param>
    /// <param name="staple">An OCSP response, DER. Empty: none.</param>
    /// <exception cref="OpenSslException">One of them is broken, or the key is another certificate's.</exception>
    public static TlsCertificate Read(string chain, string key, ReadOnlySpan<byte> staple = default)
    {
        OpenSslLibrary.Load();
        var certificate = new TlsCertificate(Pem.Certificates(chain, "the certificate"), 0, staple.IsEmpty ? null : staple.ToArray());
        try
        {
            certificate._key = Pem.PrivateKey(key, certificate._chain[0], "the key");
            OpenSslLibrary.Require(Libcrypto.CheckPrivateKey(certificate._chain[0], certificate._key) == 1, "matching the key with the certificate");
            if (certificate.Staple is { } response) Check(response);
            return certificate;
        }
        catch
        {
            certificate.Dispose();
            throw;
        }
    }

    /// <summary>Frees it.</summary>
    public void Dispose()
    {
        _chain.ForEach(Libcrypto.FreeCertificate);
        _chain = [];
        if (_key != 0) Libcrypto.FreePrivateKey(_key);
        _key = 0;
    }

    private static void Check(byte[] response)
    {
        const int successful = 0;
        fixed (byte* start = response)
        {
            var at = start;
            var decoded = Libcrypto.DecodeOcspResponse(0, &at, response.Length);
            OpenSslLibrary.Require(decoded != 0, "reading the OCSP response (DER)");
            var status = Libcrypto.OcspStatus(decoded);
            Libcrypto.FreeOcspResponse(decoded);
            if (status != successful) throw new OpenSslException($"reading the OCSP response: the responder answered with status {status}, not 0 (RFC 6960 §4.2.1)");
        }
    }
}

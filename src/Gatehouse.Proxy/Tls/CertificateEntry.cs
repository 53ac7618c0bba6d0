using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>A configured certificate, read once and kept as long as it does not change.</summary>
internal sealed class CertificateEntry : IDisposable
{
    private readonly Certificate _config;
    private readonly List<TlsSetupFault> _faults = [];
    private string[]? _names;

    public CertificateEntry(Certificate config)
    {
        _config = config;
        Read(StapleOf());
    }

    public string Name => _config.Name;

    /// <summary>What OpenSSL has of it; null when it takes it not.</summary>
    public TlsCertificate? Tls { get; private set; }

    /// <summary>What is wrong with it.</summary>
    public IReadOnlyList<TlsSetupFault> Faults => _faults;

    /// <summary>The DNS names that stand in it, as patterns of a host table (RFC 6125 §6.4.3: a star is the whole first label).</summary>
    public string[] Names => _names ??= ReadNames();

    /// <summary>Whether it was made from the same text. Texts that did not change are mostly the same objects, so this costs next to nothing.</summary>
    public bool IsOf(Certificate config) => ReferenceEquals(_config, config) || _config == config;

    /// <summary>Contexts that use it keep what they need.</summary>
    public void Dispose() => Tls?.Dispose();

    private byte[] StapleOf()
    {
        if (_config.OcspResponse is not { } text) return [];
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            Fault("ocspResponse: not base64; an OCSP response, DER in base64, is wanted. It is served without one");
            return [];
        }
    }

    private void Read(byte[] staple)
    {
        try
        {
            Tls = TlsCertificate.Read(_config.Chain, _config.Key, staple);
        }
        catch (OpenSslException fault) when (staple.Length > 0 && fault.Message.Contains("OCSP", StringComparison.Ordinal))
        {
            Fault($"ocspResponse: {fault.Message}. It is served without one");
            Read([]);
        }
        catch (OpenSslException fault)
        {
            Fault(fault.Message);
        }
    }

    private string[] ReadNames()
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(_config.Chain);
            return [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames()).Select(n => n.ToLowerInvariant()).Where(IsPattern)];
        }
        catch (CryptographicException fault)
        {
            Fault($"chain: its names can't be read: {fault.Message}");
            return [];
        }
    }

    private static bool IsPattern(string name) => name.Length > 0 && (name.StartsWith("*.", StringComparison.Ordinal) ? name.AsSpan(2) : name).IndexOf('*') < 0;

    private void Fault(string message) => _faults.Add(new("certificate", _config.Name, message));
}

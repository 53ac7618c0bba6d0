namespace Gatehouse.Linux.OpenSsl;

/// <summary>OpenSSL refused a certificate, a key or a setting: says what was tried, and OpenSSL's reasons.</summary>
public sealed class OpenSslException : IOException
{
    public OpenSslException(string message)
        : base(message)
    {
    }

    public OpenSslException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>A context was refused for its certificate, key or chain; without them it can be made.</summary>
    public bool IsOfCertificate { get; init; }

    public OpenSslException()
        : this("OpenSSL refused something")
    {
    }
}

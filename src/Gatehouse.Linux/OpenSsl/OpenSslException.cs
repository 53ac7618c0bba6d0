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

    public OpenSslException()
        : this("OpenSSL refused something")
    {
    }
}

using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Client;

/// <summary>Whom a client trusts and what it shows, at one moment. A renewed certificate is another instance.</summary>
public sealed class ApiCredentials
{
    /// <summary>The only authorities that may have issued the server's certificate. The system's own list is never asked.</summary>
    public required X509Certificate2Collection Trust { get; init; }

    /// <summary>The client certificate with its key; null to come without one.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Intermediates that are sent with <see cref="Certificate"/>, the issuer first.</summary>
    public X509Certificate2Collection Chain { get; init; } = [];

    /// <summary>A bearer token (RFC 6750); null for none.</summary>
    public string? BearerToken { get; init; }

    /// <summary>The name that the server's certificate must carry; null for the host of the URL.</summary>
    public string? ServerName { get; init; }
}

/// <summary>Where a client takes its credentials from. They may change at any time.</summary>
public interface ICredentialSource
{
    /// <summary>The credentials for the next connection. A new reference means that they changed: requests under way end on the old ones.</summary>
    ApiCredentials Current { get; }
}

/// <summary>Credentials that never change, for example those of a kubeconfig.</summary>
public sealed class FixedCredentials(ApiCredentials credentials) : ICredentialSource
{
    /// <inheritdoc/>
    public ApiCredentials Current { get; } = credentials;
}

using System.Text.Json.Serialization;

namespace Gatehouse.Api.Identity;

/// <summary>Body of <c>POST /gatehouse/v1/join</c>; the one request that is answered without a client certificate.</summary>
/// <param name="Token">The whole token.</param>
/// <param name="Role"><c>cluster</c>, <c>worker</c> or <c>operator</c>.</param>
/// <param name="Name">The member's name.</param>
/// <param name="Csr">A PKCS #10 request, PEM. Only its key and its proof of possession count: the issuer writes the names.</param>
/// <param name="IssuerCsr">A cluster's request for the authority that signs its workers, PEM; null for others.</param>
public sealed record JoinRequest(string Token, string Role, string Name, string Csr, string? IssuerCsr = null);

/// <summary>Body of <c>POST /gatehouse/v1/renew</c>, made with the certificate that is to be renewed.</summary>
/// <param name="Csr">As in <see cref="JoinRequest"/>; the key may be another.</param>
/// <param name="IssuerCsr">As in <see cref="JoinRequest"/>.</param>
public sealed record RenewRequest(string Csr, string? IssuerCsr = null);

/// <summary>The answer to both.</summary>
/// <param name="Certificate">The client certificate, PEM.</param>
/// <param name="Chain">Intermediates between it and <paramref name="Ca"/>, the issuer first, PEM one after the other; empty when the CA issued it.</param>
/// <param name="Ca">The authorities to trust from now on, PEM.</param>
/// <param name="IssuerCertificate">A cluster's own authority, PEM; null for others.</param>
public sealed record JoinAnswer(string Certificate, string Chain, string Ca, string? IssuerCertificate = null);

/// <summary>Where a member joins and renews.</summary>
public static class JoinPaths
{
    public const string Join = "/gatehouse/v1/join";

    public const string Renew = "/gatehouse/v1/renew";

    /// <summary>The authorities, PEM, to anybody (GET). A joining member compares them with its token's pin before it sends the token.</summary>
    public const string Ca = "/gatehouse/v1/ca";
}

/// <summary>JSON of joining.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JoinRequest))]
[JsonSerializable(typeof(RenewRequest))]
[JsonSerializable(typeof(JoinAnswer))]
public sealed partial class JoinJson : JsonSerializerContext;

using System.Text.Json.Serialization;
using Gatehouse.Objects;

namespace Gatehouse.Api.Identity;

/// <summary>The paths and roles of joining.</summary>
public static class EnrollmentProtocol
{
    /// <summary>POST <see cref="JoinRequest"/>, without client certificate; answers <see cref="CertificateAnswer"/> or a Status.</summary>
    public const string JoinPath = "/gatehouse/v1/join";

    /// <summary>POST <see cref="RenewRequest"/> with the certificate that is to be renewed; answers <see cref="CertificateAnswer"/> or a Status.</summary>
    public const string RenewPath = "/gatehouse/v1/renew";

    /// <summary>
    /// GET, open to anybody: the root authority and the one that signs here, PEM. TLS never sends a self-signed root, so a machine that joins root
    /// takes it from here and believes it only when its key has the token's pin.
    /// </summary>
    public const string CaPath = "/gatehouse/v1/ca";

    /// <summary>A cluster service manager joins root.</summary>
    public const string ClusterRole = "cluster";

    /// <summary>A worker joins its cluster.</summary>
    public const string WorkerRole = "worker";

    /// <summary>A person joins root, with every right.</summary>
    public const string OperatorRole = "operator";
}

/// <summary>A machine asks to become a member.</summary>
/// <param name="Token">As <c>gh1.ID.SECRET.PIN</c>; may be left out by a member that comes back with <paramref name="Proof"/>.</param>
/// <param name="Role"><c>cluster</c>, <c>worker</c> or <c>operator</c>.</param>
/// <param name="Name">A DNS label (RFC 1123) of at most 63 characters.</param>
/// <param name="Csr">PKCS#10 as PEM; its subject is ignored.</param>
/// <param name="AuthorityCsr">Clusters alone: a second request, with another key, for the intermediate authority.</param>
/// <param name="Previous">The certificate that this machine had as this member, PEM; it may be over.</param>
/// <param name="Proof">That the machine still has its key: <see cref="OldKeyProof"/>.</param>
public sealed record JoinRequest(string? Token, string? Role, string? Name, string? Csr, string? AuthorityCsr = null, string? Previous = null, string? Proof = null);

/// <summary>A member asks for a new certificate in place of the one that it shows.</summary>
/// <param name="Csr">PKCS#10 as PEM, under the same key or a new one.</param>
/// <param name="AuthorityCsr">Clusters alone: renews the intermediate; under the same key, so that certificates signed by it stay good.</param>
public sealed record RenewRequest(string? Csr, string? AuthorityCsr = null);

/// <summary>What a member gets. All PEM.</summary>
/// <param name="Certificate">The client certificate.</param>
/// <param name="Chain">What stands between it and <paramref name="Ca"/>; empty when root signed it.</param>
/// <param name="Ca">The root authority.</param>
/// <param name="Authority">For clusters that asked: the certificate of the intermediate.</param>
public sealed record CertificateAnswer(string Certificate, string Chain, string Ca, string? Authority = null);

/// <summary>Source-generated JSON of the enrolment messages.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JoinRequest))]
[JsonSerializable(typeof(RenewRequest))]
[JsonSerializable(typeof(CertificateAnswer))]
[JsonSerializable(typeof(Status))]
public sealed partial class EnrollmentJson : JsonSerializerContext;

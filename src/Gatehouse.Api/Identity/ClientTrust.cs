using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>An authority whose client certificates a server accepts, and for which groups.</summary>
/// <param name="Certificate">The authority. Only what it signed itself counts, not what an intermediate below it signed.</param>
/// <param name="Groups">Groups (O) that its certificates may carry; a certificate with any other group, or with none, is refused.</param>
/// <remarks>
/// Root: its own authority for clusters and operators, so that no cluster can sign another cluster. A cluster: root's authority for operators, and its own
/// intermediate for workers, so that no cluster can sign another's workers.
/// </remarks>
public sealed record TrustedIssuer(X509Certificate2 Certificate, IReadOnlyList<string> Groups);

/// <summary>What a client certificate proves.</summary>
/// <param name="User">Null when it proves nothing.</param>
/// <param name="Refusal">Why not, for the 401.</param>
/// <param name="Until">When the proof ends.</param>
public readonly record struct ClientVerdict(UserInfo? User, string? Refusal, DateTimeOffset Until);

/// <summary>Reads identities out of client certificates.</summary>
/// <param name="issuers">Asked with each certificate: authorities are renewed while servers run.</param>
/// <remarks>Safe for any thread.</remarks>
public sealed class ClientTrust(Func<IReadOnlyList<TrustedIssuer>> issuers)
{
    /// <summary>
    /// What a server trusts unless told otherwise. A root authority names operators, clusters and workers. An intermediate names its cluster's workers and
    /// operators, and its root names operators; neither another intermediate nor, through it, another cluster's members count.
    /// </summary>
    public static IReadOnlyList<TrustedIssuer> DefaultFor(CertificateAuthority authority) => authority.IsRoot
        ? [new TrustedIssuer(authority.Certificate, [UserInfo.MastersGroup, UserInfo.ClustersGroup, UserInfo.WorkersGroup])]
        :
        [
            new TrustedIssuer(authority.Certificate, [UserInfo.WorkersGroup, UserInfo.MastersGroup]),
            new TrustedIssuer(authority.Root, [UserInfo.MastersGroup]),
        ];

    /// <summary>Whom the certificate names, if one of the issuers signed it and may name such a user.</summary>
    public ClientVerdict Examine(X509Certificate2 certificate, DateTimeOffset now)
    {
        // Two entries may have the same name and another key (a renewed authority): all that signed it are tried.
        var issuer = issuers().FirstOrDefault(i => CertificateCheck.IsSignedBy(certificate, i.Certificate));
        if (issuer is null) return Refused($"the client certificate was issued by '{certificate.Issuer}', which this server does not accept");
        if (CertificateCheck.Refuse(certificate, issuer.Certificate, CertificateCheck.ClientPurpose, now) is { } fault) return Refused($"the client certificate {fault}");
        if (SubjectName.Read(certificate.SubjectName) is not { } user) return Refused("the client certificate's subject has no single CN");
        if (user.Groups.Count == 0) return Refused($"the client certificate of '{user.Name}' names no group (O)");
        foreach (var group in user.Groups)
        {
            if (!issuer.Groups.Contains(group, StringComparer.Ordinal))
                return Refused($"the authority '{issuer.Certificate.Subject}' may not name members of '{group}' here");
        }

        return new ClientVerdict(user, null, new DateTimeOffset(certificate.NotAfter));
    }

    private static ClientVerdict Refused(string why) => new(null, why, default);
}

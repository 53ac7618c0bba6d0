using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Client;

/// <summary>
/// Decides whether a server is ours: its chain ends at one of the trusted authorities and it carries the name that was dialled. The system's list of
/// authorities has no say, and the time is the injected one.
/// </summary>
internal sealed class ServerTrust(X509Certificate2Collection authorities, TimeProvider time)
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private volatile string? _fault;

    /// <summary>
    /// How the handshake itself looks at the server's chain, before <see cref="Accept"/> is asked: with our authorities too. Without it each handshake reads and
    /// sorts the system's list of authorities, for nothing.
    /// </summary>
    public X509ChainPolicy ForHandshake { get; } = Policy(authorities);

    /// <summary>Why the last handshake was refused, for people; null when none was.</summary>
    public string? Fault => _fault;

    /// <summary>A <see cref="RemoteCertificateValidationCallback"/>.</summary>
    public bool Accept(object sender, X509Certificate? certificate, X509Chain? presented, SslPolicyErrors errors)
    {
        _fault = certificate is X509Certificate2 leaf ? FaultOf(leaf, presented, errors) : "the server shows no certificate";
        return _fault is null;
    }

    private string? FaultOf(X509Certificate2 leaf, X509Chain? presented, SslPolicyErrors errors)
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return $"the server's certificate ({leaf.Subject}) is for another name: {string.Join(", ", Names(leaf))}";
        using var chain = new X509Chain { ChainPolicy = Policy(authorities) };
        chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid(ServerAuthentication));
        if (presented is not null) chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        return chain.Build(leaf) ? null : Explain(leaf, chain);
    }

    private static X509ChainPolicy Policy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    private string Explain(X509Certificate2 leaf, X509Chain chain)
    {
        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, s) => all | s.Status);
        if ((status & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != X509ChainStatusFlags.NoError)
            return $"the server's certificate ({leaf.Subject}, issued by {leaf.Issuer}) does not come from the trusted authority ({string.Join("; ", authorities.Select(a => a.Subject))})";
        if (status.HasFlag(X509ChainStatusFlags.NotTimeValid))
            return $"the server's certificate ({leaf.Subject}) is valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u}, and the clock here says {time.GetUtcNow():u}";
        return $"the server's certificate ({leaf.Subject}) is not valid: {status}";
    }

    private static IEnumerable<string> Names(X509Certificate2 leaf) =>
        leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(san => san.EnumerateDnsNames().Concat(san.EnumerateIPAddresses().Select(a => a.ToString())))
            .DefaultIfEmpty(leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
}

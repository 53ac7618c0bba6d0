using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Identity;

/// <summary>What a join or renewal came to.</summary>
internal readonly record struct EnrollmentOutcome(CertificateAnswer? Answer, Status? Refusal)
{
    public static implicit operator EnrollmentOutcome(Status refusal) => new(null, refusal);
}

/// <summary>
/// Lets machines in. A token decides which role and, if it names one, which member. A name that belongs to a member, living or not, is given to another machine only by a
/// token that names this member, and back to the machine that had it by a token and a proof of its old key (<see cref="OldKeyProof"/>). So a token for many machines
/// can't be used to pose as one of them. Between a join and the member's first lease (<see cref="EnrollmentOptions.NameHold"/>) the same key may join again: its answer got lost.
/// </summary>
internal sealed class EnrollmentDesk(
    EnrollmentOptions options, Func<CertificateAuthority> authority, JoinTokens tokens, IObjectClient objects, TimeProvider time)
{
    /// <summary>How long after its first certificate's start a member has made its object: a certificate starts five minutes before the join.</summary>
    private static readonly TimeSpan RegistrationTime = TimeSpan.FromMinutes(15);

    private readonly FailureLimit _failures = new(options.FailuresPerMinute, time);
    private readonly NameHolds _holds = new(options.NameHold, time);

    /// <summary>Joins a member.</summary>
    /// <param name="address">Where the request came from: for counting failures, never for identity.</param>
    public async Task<EnrollmentOutcome> JoinAsync(JoinRequest request, IPAddress? address, CancellationToken cancellation)
    {
        if (_failures.Refuse(address) is { } seconds) return TooMany(seconds);
        var (keys, faults) = Examine(request);
        if (keys is not var (key, intermediate)) return Invalid(faults);
        var (role, name) = (request.Role!, request.Name!);
        if (string.IsNullOrEmpty(request.Token)) return await ReturnAsync(request, key, intermediate, address, cancellation);
        var (token, refusal) = await tokens.ExamineAsync(request.Token, role, name, cancellation);
        if (token is null)
        {
            _failures.Failed(address);
            return Refused(401, StatusReason.Unauthorized, refusal!);
        }

        var user = UserOf(role, name);
        if (await RefuseNameAsync(token, request, user, key, cancellation) is { } taken) return taken;
        return Answer(authority().IssueClient(key, user, options.CertificateLife), intermediate, name);
    }

    /// <summary>Renews the certificate of a caller who has shown it.</summary>
    public async Task<EnrollmentOutcome> RenewAsync(RenewRequest request, UserInfo user, X509Certificate2 shown, CancellationToken cancellation)
    {
        // Only what this authority signed: an operator of root does not become an operator signed by a cluster.
        if (!CertificateCheck.IsSignedBy(shown, authority().Certificate))
            return Refused(403, StatusReason.Forbidden, $"the certificate of '{user.Name}' was not issued by this server: it is renewed where it was issued");
        List<Fault> faults = [];
        var key = ReadKey("csr", request.Csr, required: true, faults);
        var intermediate = ReadKey("authorityCsr", request.AuthorityCsr, required: false, faults);
        if (request.AuthorityCsr is not null && user.Cluster is null) faults.Add(new Fault("authorityCsr", "", "is for clusters alone"));
        if (faults.Count > 0 || key is null) return Invalid(faults);
        if (options.RefuseRenewal is { } refuse && await refuse(user, cancellation) is { } why) return Refused(403, StatusReason.Forbidden, why);
        return Answer(authority().IssueClient(key, user, options.CertificateLife), intermediate, user.Cluster);
    }

    /// <summary>
    /// A member comes back without a token, after its certificate ended: its old key is the proof. Unlike with a token, the member must still be there, and the certificate must
    /// not be older than its object: whoever deletes a member whose machine was lost does not find that machine back under a name that was given anew.
    /// </summary>
    private async Task<EnrollmentOutcome> ReturnAsync(JoinRequest request, PublicKey key, PublicKey? intermediate, IPAddress? address, CancellationToken cancellation)
    {
        var (role, name) = (request.Role!, request.Name!);
        var user = UserOf(role, name);
        var why = role == EnrollmentProtocol.OperatorRole ? "operators join with a token"
            : OldKeyProof.Refuse(request, user, authority().Certificate, time.GetUtcNow() - options.ProofLife)
                ?? (await MemberSinceAsync(name, cancellation) is not { } since ? $"there is no {role} of this name"
                    : OldKeyProof.StartOf(request) < since - RegistrationTime ? $"the previous certificate is older than the {role}" : null)
                ?? (options.RefuseRenewal is { } refuse ? await refuse(user, cancellation) : null);
        if (why is not null)
        {
            _failures.Failed(address);
            return Refused(401, StatusReason.Unauthorized, $"the {role} '{name}' can't come back without a token: {why}");
        }

        _holds.TryTake($"{role}/{name}", PrintOf(key), force: true);
        return Answer(authority().IssueClient(key, user, options.CertificateLife), intermediate, name);
    }

    private ((PublicKey Key, PublicKey? Intermediate)? Keys, List<Fault> Faults) Examine(JoinRequest request)
    {
        List<Fault> faults = [];
        if (string.IsNullOrEmpty(request.Token) && request.Proof is null) faults.Add(new Fault("token", "", "is required"));
        if (request.Role is null || !options.Roles.Contains(request.Role, StringComparer.Ordinal))
            faults.Add(new Fault("role", request.Role ?? "", $"must be one that joins here: {string.Join(", ", options.Roles)}"));
        if (request.Name is null || !Names.IsLabel(request.Name)) faults.Add(new Fault("name", request.Name ?? "", Names.LabelRule));
        var key = ReadKey("csr", request.Csr, required: true, faults);
        var intermediate = ReadKey("authorityCsr", request.AuthorityCsr, required: false, faults);
        if (request.AuthorityCsr is not null && request.Role != EnrollmentProtocol.ClusterRole) faults.Add(new Fault("authorityCsr", "", "is for clusters alone"));
        return faults.Count > 0 || key is null ? (null, faults) : ((key, intermediate), faults);
    }

    private static PublicKey? ReadKey(string field, string? csr, bool required, List<Fault> faults)
    {
        if (csr is null && !required) return null;
        if (SigningRequest.TryRead(csr, out var key, out var fault)) return key;
        faults.Add(new Fault(field, "", fault));
        return null;
    }

    private async Task<Status?> RefuseNameAsync(JoinToken token, JoinRequest request, UserInfo user, PublicKey key, CancellationToken cancellation)
    {
        var (role, name) = (request.Role!, request.Name!);
        if (role == EnrollmentProtocol.OperatorRole) return null;
        var entitled = token.Spec.Member is not null;
        string? unproven = null;
        if (!entitled && (request.Previous ?? request.Proof) is not null)
        {
            unproven = OldKeyProof.Refuse(request, user, authority().Certificate, time.GetUtcNow() - options.ProofLife);
            entitled = unproven is null;
        }

        if (!entitled && await MemberSinceAsync(name, cancellation) is not null) return Taken(role, name, unproven is null ? "a member has this name" : $"a member has this name, and {unproven}", null);
        return _holds.TryTake($"{role}/{name}", PrintOf(key), entitled)
            ? null
            : Taken(role, name, "it joined a moment ago with another key", (int)Math.Ceiling(options.NameHold.TotalSeconds));
    }

    /// <summary>Null: the name is free.</summary>
    private async Task<DateTimeOffset?> MemberSinceAsync(string name, CancellationToken cancellation)
    {
        if (options.LeaseNamespace is not { } space || await objects.GetAsync<Lease>(new ObjectKey(space, name), cancellation) is not { } lease) return null;
        return options.MemberSince is { } since ? await since(objects, name, cancellation) : EnrollmentOptions.SinceOf(lease.Metadata);
    }

    private static string PrintOf(PublicKey key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    private static Status Taken(string role, string name, string why, int? seconds) => new()
    {
        Code = 409,
        Reason = StatusReason.Conflict,
        Message = $"the {role} '{name}' can't join with a token for any {role}: {why}; use a token made for it (gatehouse token create --role {role} --member {name}), "
            + $"join from the machine that has its old key, or delete the {role} '{name}' if it is gone for good",
        Details = new StatusDetails(Name: name, Kind: role, RetryAfterSeconds: seconds),
    };

    private static UserInfo UserOf(string role, string name) => role switch
    {
        EnrollmentProtocol.ClusterRole => new UserInfo(UserInfo.ClusterPrefix + name, [UserInfo.ClustersGroup]),
        EnrollmentProtocol.WorkerRole => new UserInfo(UserInfo.WorkerPrefix + name, [UserInfo.WorkersGroup]),
        EnrollmentProtocol.OperatorRole => new UserInfo(name, [UserInfo.MastersGroup]),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private EnrollmentOutcome Answer(X509Certificate2 certificate, PublicKey? intermediate, string? cluster)
    {
        using var issued = certificate;
        using var below = intermediate is null || cluster is null ? null : authority().IssueIntermediate(intermediate, cluster, options.IntermediateLife);
        return new EnrollmentOutcome(
            new CertificateAnswer(
                issued.ExportCertificatePem() + "\n", authority().ChainPem, authority().RootPem, below is null ? null : below.ExportCertificatePem() + "\n"),
            null);
    }

    private static Status Invalid(List<Fault> faults) => new()
    {
        Code = 422,
        Reason = StatusReason.Invalid,
        Message = $"the request is invalid: {string.Join("; ", faults)}",
        Details = new StatusDetails(Causes: [.. faults.Select(static f => new StatusCause("FieldValueInvalid", f.ToString(), f.Field))]),
    };

    private static Status Refused(int code, string reason, string message) => new() { Code = code, Reason = reason, Message = message };

    private static Status TooMany(int seconds) => new()
    {
        Code = 429,
        Reason = StatusReason.TooManyRequests,
        Message = "too many failed joins from this address, please try again later",
        Details = new StatusDetails(RetryAfterSeconds: Math.Max(1, seconds)),
    };
}

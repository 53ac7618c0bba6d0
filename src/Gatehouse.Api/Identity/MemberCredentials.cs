using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Gatehouse.Api.Client;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Identity;

/// <summary>
/// A member's certificate, kept on disk and renewed at two thirds of its life. Give it to <see cref="HttpObjectClient"/> as its credentials.
/// </summary>
/// <remarks>One loop (<see cref="RunAsync"/>) renews; any thread reads.</remarks>
public sealed partial class MemberCredentials : ICredentialSource
{
    /// <summary>A clock that is set, or a machine that slept, moves the moment of renewal against a timer that was armed before.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(10);

    /// <summary>With a clock that runs ahead of the issuer's every certificate looks old at once.</summary>
    private static readonly TimeSpan RenewAtMostEvery = TimeSpan.FromMinutes(1);

    /// <summary>A shorter delay is none at all, and would be asked for again and again.</summary>
    private static readonly TimeSpan TimerTick = TimeSpan.FromMilliseconds(1);

    private readonly JoinOptions _options;
    private readonly MemberFiles _files;
    private volatile ApiCredentials _current;
    private volatile CertificateAuthority? _authority;
    private volatile string? _lastFault;

    private MemberCredentials(JoinOptions options, MemberFiles files, ApiCredentials current, CertificateAuthority? authority)
    {
        _options = options;
        _files = files;
        _current = current;
        _authority = authority;
    }

    /// <inheritdoc/>
    public ApiCredentials Current => _current;

    /// <summary>For a cluster: the authority that signs its workers; null for other members. Replaced, under the same key, by a renewal.</summary>
    public CertificateAuthority? Authority => _authority;

    /// <summary>When the certificate ends.</summary>
    public DateTimeOffset ExpiresAt => new(_current.Certificate!.NotAfter);

    /// <summary>Why the last renewal failed, for people; null while all is well.</summary>
    public string? LastFault => _lastFault;

    /// <summary>
    /// Takes the identity on disk, without any network, also when it is over or not yet valid: <see cref="RunAsync"/> sees to that. Joins with the token only when there is
    /// none, or when it is damaged and there is a token.
    /// </summary>
    /// <exception cref="IdentityException">Neither identity nor usable token, or the server is not the one that the token pins.</exception>
    /// <exception cref="IdentityFileException">The identity is damaged and there is no token.</exception>
    /// <exception cref="ApiStatusException">The server refused: the token is unknown, expired, or for another member.</exception>
    /// <exception cref="ApiUnreachableException">No answer; try again.</exception>
    public static async Task<MemberCredentials> JoinOrLoadAsync(JoinOptions options, CancellationToken cancellation)
    {
        var files = new MemberFiles(options.Directory);
        return Load(options, files) ?? await JoinAsync(options, files, cancellation);
    }

    /// <summary>
    /// Renews until cancelled, and then returns. With a certificate that does not hold now, or that the issuer does not accept, it joins again: by a proof of the old key, or with
    /// the token. A failure is reported and tried again; it never ends the loop.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var transport = new ApiTransport(new HttpObjectClientOptions
        {
            Server = _options.Server,
            Credentials = this,
            Time = _options.Time,
            RequestTimeout = _options.RequestTimeout,
        });
        var backoff = new Backoff(_options.RetryFirst, _options.RetryMax, _options.Random);
        var due = NextDue();
        try
        {
            while (true)
            {
                var wait = due - _options.Time.GetUtcNow();
                if (Holds() && wait >= TimerTick)
                {
                    await Task.Delay(wait < LookEvery ? wait : LookEvery, _options.Time, cancellation);
                    continue;
                }

                var attempt = await TryRenewAsync(transport, cancellation);
                if (attempt == Attempt.Renewed) due = NextDue();
                // Not a moment of the clock, which may be what is at fault and be set.
                else await Task.Delay(backoff.Next(healthy: false), _options.Time, cancellation);

                // Nothing works without a certificate: once the issuer is back it must not take minutes.
                if (attempt == Attempt.Renewed || (attempt == Attempt.Unreachable && !Holds())) backoff = new Backoff(_options.RetryFirst, _options.RetryMax, _options.Random);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Asked to end.
        }
    }

    private static MemberCredentials? Load(JoinOptions options, MemberFiles files)
    {
        if (!files.Exists) return null;
        try
        {
            var credentials = files.Load();
            var member = new MemberCredentials(options, files, credentials, CertificateAuthority.OpenIntermediate(options.Directory, options.Time));
            if (!member.Holds()) LogNotNow(options.Logger, options.Name, credentials.Certificate!.NotBefore.ToUniversalTime(), credentials.Certificate.NotAfter.ToUniversalTime(), options.Time.GetUtcNow());
            return member;
        }
        catch (IdentityFileException e) when (options.Token is not null)
        {
            LogDamaged(options.Logger, e.Message);
            return null;
        }
    }

    private static async Task<MemberCredentials> JoinAsync(JoinOptions options, MemberFiles files, CancellationToken cancellation)
    {
        if (options.Token is null) throw new IdentityException($"{options.Directory} holds no identity: give a join token once");
        var exchange = ExchangeOf(options, options.Token);
        var (credentials, authority) = await JoinAsync(options, files, options.Token, exchange.JoinAsync, cancellation);
        return new MemberCredentials(options, files, credentials, authority);
    }

    private static JoinExchange ExchangeOf(JoinOptions options, string text) =>
        TokenText.TryParse(text, out var token) ? new JoinExchange(options, token) : throw new IdentityException("the join token is incomplete: it has the form gh1.ID.SECRET.PIN");

    private static async Task<(ApiCredentials Credentials, CertificateAuthority? Authority)> JoinAsync(
        JoinOptions options, MemberFiles files, string? token, Func<JoinRequest, CancellationToken, Task<CertificateAnswer>> send, CancellationToken cancellation)
    {
        using var key = files.NextKey();
        var authorityKey = options.Role == EnrollmentProtocol.ClusterRole ? files.AuthorityKey() : null;
        var csr = Csr(key);
        var request = new JoinRequest(token?.Trim(), options.Role, options.Name, csr, authorityKey is null ? null : Csr(authorityKey));
        if (Former(files) is { } former) request = request with { Previous = former.ExportCertificatePem(), Proof = OldKeyProof.Make(former, options.Role, options.Name, csr) };
        var answer = await send(request, cancellation);
        var (credentials, authority) = Adopt(options, files, answer, key, authorityKey);
        LogJoined(options.Logger, options.Name, options.Role, credentials.Certificate!.NotAfter.ToUniversalTime());
        return (credentials, authority);
    }

    /// <summary>The certificate that this machine had, with its key: it is over, or its chain is damaged, and still shows who this is. Null when there is none.</summary>
    private static X509Certificate2? Former(MemberFiles files)
    {
        try
        {
            return files.Exists ? files.Load().Certificate : null;
        }
        catch (IdentityFileException)
        {
            return null;
        }
    }

    /// <summary>Whether the certificate holds by the clock of this machine.</summary>
    private bool Holds() => _options.Time.GetUtcNow() is var now && now >= new DateTimeOffset(_current.Certificate!.NotBefore) && now < ExpiresAt;

    private async Task<Attempt> TryRenewAsync(ApiTransport transport, CancellationToken cancellation)
    {
        try
        {
            try
            {
                await RenewAsync(transport, cancellation);
            }
            catch (Exception e) when (e is ApiStatusException { Status.Code: 401 } || (e is ApiStatusException or ApiUnreachableException && !Holds()))
            {
                await JoinAgainAsync(cancellation);
            }

            IdentityMetrics.Renewals.Add(1, new KeyValuePair<string, object?>("outcome", "renewed"));
            if (_lastFault is not null) LogRecovered(_options.Logger, _options.Name);
            _lastFault = null;
            return Attempt.Renewed;
        }
        catch (Exception e) when (e is ApiUnreachableException or ApiStatusException or IdentityException or IdentityFileException or IOException or UnauthorizedAccessException)
        {
            IdentityMetrics.Renewals.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
            var unreachable = e is ApiUnreachableException or IdentityException { MayPass: true };
            if (_lastFault is null || (!unreachable && _lastFault != e.Message)) LogFailed(_options.Logger, _options.Name, ExpiresAt, e.Message);
            _lastFault = e.Message;
            return unreachable ? Attempt.Unreachable : Attempt.Refused;
        }
        finally
        {
            IdentityMetrics.Remaining.Record((ExpiresAt - _options.Time.GetUtcNow()).TotalSeconds);
        }
    }

    /// <summary>Shows who this is by the old key alone, and when that does not do, with the token.</summary>
    private async Task JoinAgainAsync(CancellationToken cancellation)
    {
        (ApiCredentials, CertificateAuthority?) got;
        try
        {
            got = await JoinAsync(_options, _files, token: null, SendProofAsync, cancellation);
        }
        catch (Exception e) when (e is ApiStatusException or ApiUnreachableException && _options.Token is not null)
        {
            // The token's pin may be of an authority that was not known here before.
            got = await JoinAsync(_options, _files, _options.Token, ExchangeOf(_options, _options.Token).JoinAsync, cancellation);
        }

        Take(got);
    }

    /// <summary>Over a connection without the certificate, which a server need not take any more; the server is checked as ever.</summary>
    private async Task<CertificateAnswer> SendProofAsync(JoinRequest request, CancellationToken cancellation)
    {
        using var transport = new ApiTransport(new HttpObjectClientOptions
        {
            Server = _options.Server,
            Credentials = new FixedCredentials(new ApiCredentials { Trust = _current.Trust }),
            Time = _options.Time,
            RequestTimeout = _options.RequestTimeout,
        });
        var body = JsonSerializer.SerializeToUtf8Bytes(request, EnrollmentJson.Default.JoinRequest);
        using var answer = await transport.SendAsync(
            new ApiRequest(HttpMethod.Post, EnrollmentProtocol.JoinPath.TrimStart('/'), "certificate", _options.Name, body), cancellation);
        return JoinExchange.ReadAnswer(answer, _options);
    }

    private void Take((ApiCredentials Credentials, CertificateAuthority? Authority) got)
    {
        _authority = got.Authority ?? _authority;
        _current = got.Credentials;
    }

    private async Task RenewAsync(ApiTransport transport, CancellationToken cancellation)
    {
        using var key = _files.NextKey();
        var authorityKey = _authority is null ? null : _files.AuthorityKey();
        var body = JsonSerializer.SerializeToUtf8Bytes(new RenewRequest(Csr(key), authorityKey is null ? null : Csr(authorityKey)), EnrollmentJson.Default.RenewRequest);
        using var answer = await transport.SendAsync(
            new ApiRequest(HttpMethod.Post, EnrollmentProtocol.RenewPath.TrimStart('/'), "certificate", _options.Name, body), cancellation);
        Take(Adopt(_options, _files, JoinExchange.ReadAnswer(answer, _options), key, authorityKey));
        LogRenewed(_options.Logger, _options.Name, ExpiresAt);
    }

    /// <summary>Checks an answer and makes it the identity, on disk first.</summary>
    private static (ApiCredentials Credentials, CertificateAuthority? Authority) Adopt(
        JoinOptions options, MemberFiles files, CertificateAnswer answer, ECDsa key, ECDsa? authorityKey)
    {
        try
        {
            var certificate = MemberFiles.WithKey(X509Certificate2.CreateFromPem(answer.Certificate), key);
            var chain = answer.Chain.Length == 0 ? [] : MemberFiles.ParseAll(answer.Chain);
            var trust = MemberFiles.ParseAll(answer.Ca);
            var issuer = chain.Count > 0 ? chain[0] : trust[0];
            if (CertificateCheck.Refuse(certificate, issuer, CertificateCheck.ClientPurpose, options.Time.GetUtcNow()) is { } fault)
                throw new IdentityException($"{options.Server} answered with a certificate that {fault}") { MayPass = CertificateCheck.IsOnlyOutOfTime(certificate, issuer, CertificateCheck.ClientPurpose) };
            var authority = answer.Authority is null || authorityKey is null
                ? null : CertificateAuthority.FromIntermediate(X509Certificate2.CreateFromPem(answer.Authority), trust[0], authorityKey, options.Time);
            files.Save(answer, authority);
            return (new ApiCredentials { Trust = trust, Certificate = certificate, Chain = chain }, authority);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new IdentityException($"{options.Server} answered with a certificate that does not fit: {e.Message}", e);
        }
    }

    /// <summary>At two thirds of the life, earlier or later by up to a twentieth, so that members that joined together don't renew together.</summary>
    private DateTimeOffset NextDue()
    {
        var certificate = _current.Certificate!;
        var (start, end) = (new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
        var due = start + ((end - start) * (2.0 / 3 + ((_options.Random.NextDouble() - 0.5) / 10)));
        var soonest = _options.Time.GetUtcNow() + RenewAtMostEvery;
        return due > soonest ? due : soonest;
    }

    /// <summary>The subject says nothing: the issuer writes the names.</summary>
    private static string Csr(ECDsa key) => new CertificateRequest("CN=member", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();

    [LoggerMessage(LogLevel.Information, "{Name} joined as {Role}; the certificate holds until {Until}")]
    private static partial void LogJoined(ILogger logger, string name, string role, DateTime until);

    [LoggerMessage(LogLevel.Information, "The certificate of {Name} was renewed until {Until}")]
    private static partial void LogRenewed(ILogger logger, string name, DateTimeOffset until);

    [LoggerMessage(LogLevel.Warning, "The certificate of {Name}, which holds until {Until}, could not be renewed: {Fault}")]
    private static partial void LogFailed(ILogger logger, string name, DateTimeOffset until, string fault);

    [LoggerMessage(LogLevel.Information, "The certificate of {Name} can be renewed again")]
    private static partial void LogRecovered(ILogger logger, string name);

    [LoggerMessage(LogLevel.Warning, "The certificate of {Name} holds from {From} to {Until}, and the clock here says {Now}: the start goes on with what is on disk, and it is renewed as soon as {Name}'s issuer answers")]
    private static partial void LogNotNow(ILogger logger, string name, DateTime from, DateTime until, DateTimeOffset now);

    [LoggerMessage(LogLevel.Error, "The identity on disk can't be used, joining again: {Fault}")]
    private static partial void LogDamaged(ILogger logger, string fault);

    private enum Attempt
    {
        Renewed,
        Refused,

        /// <summary>No answer, or none that counts while the clocks differ.</summary>
        Unreachable,
    }
}

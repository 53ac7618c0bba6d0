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

    /// <summary>Takes the identity on disk, without any network; joins with the token only when there is none, or when it is over or damaged and there is a token.</summary>
    /// <exception cref="IdentityException">Neither identity nor usable token, or the server is not the one that the token pins.</exception>
    /// <exception cref="IdentityFileException">The identity is damaged and there is no token.</exception>
    /// <exception cref="ApiStatusException">The server refused: the token is unknown, expired, or for another member.</exception>
    /// <exception cref="ApiUnreachableException">No answer; try again.</exception>
    public static async Task<MemberCredentials> JoinOrLoadAsync(JoinOptions options, CancellationToken cancellation)
    {
        var files = new MemberFiles(options.Directory);
        return Load(options, files) ?? await JoinAsync(options, files, cancellation);
    }

    /// <summary>Renews until cancelled, and then returns. A failure is reported and tried again; it never ends the loop.</summary>
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
                if (wait >= TimerTick)
                {
                    await Task.Delay(wait < LookEvery ? wait : LookEvery, _options.Time, cancellation);
                    continue;
                }

                var renewed = await TryRenewAsync(transport, cancellation);
                due = renewed ? NextDue() : _options.Time.GetUtcNow() + backoff.Next(healthy: false);
                if (renewed) backoff = new Backoff(_options.RetryFirst, _options.RetryMax, _options.Random);
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
            var ended = new DateTimeOffset(credentials.Certificate!.NotAfter) <= options.Time.GetUtcNow();
            if (ended) LogEnded(options.Logger, options.Name, credentials.Certificate.NotAfter.ToUniversalTime());
            if (ended && options.Token is not null) return null;
            return new MemberCredentials(options, files, credentials, CertificateAuthority.OpenIntermediate(options.Directory, options.Time));
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
        if (!TokenText.TryParse(options.Token, out var token)) throw new IdentityException("the join token is incomplete: it has the form gh1.ID.SECRET.PIN");
        using var key = files.NextKey();
        var authorityKey = options.Role == EnrollmentProtocol.ClusterRole ? files.AuthorityKey() : null;
        var csr = Csr(key);
        var request = new JoinRequest(options.Token.Trim(), options.Role, options.Name, csr, authorityKey is null ? null : Csr(authorityKey));
        if (Former(files) is { } former) request = request with { Previous = former.ExportCertificatePem(), Proof = OldKeyProof.Make(former, options.Role, options.Name, csr) };
        var answer = await new JoinExchange(options, token).JoinAsync(request, cancellation);
        var (credentials, authority) = Adopt(options, files, answer, key, authorityKey);
        LogJoined(options.Logger, options.Name, options.Role, credentials.Certificate!.NotAfter.ToUniversalTime());
        return new MemberCredentials(options, files, credentials, authority);
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

    private async Task<bool> TryRenewAsync(ApiTransport transport, CancellationToken cancellation)
    {
        try
        {
            await RenewAsync(transport, cancellation);
            IdentityMetrics.Renewals.Add(1, new KeyValuePair<string, object?>("outcome", "renewed"));
            if (_lastFault is not null) LogRecovered(_options.Logger, _options.Name);
            _lastFault = null;
            return true;
        }
        catch (Exception e) when (e is ApiUnreachableException or ApiStatusException or IdentityException or IdentityFileException or IOException or UnauthorizedAccessException)
        {
            IdentityMetrics.Renewals.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
            if (_lastFault is null) LogFailed(_options.Logger, _options.Name, ExpiresAt, e.Message);
            _lastFault = e.Message;
            return false;
        }
        finally
        {
            IdentityMetrics.Remaining.Record((ExpiresAt - _options.Time.GetUtcNow()).TotalSeconds);
        }
    }

    private async Task RenewAsync(ApiTransport transport, CancellationToken cancellation)
    {
        using var key = _files.NextKey();
        var authorityKey = _authority is null ? null : _files.AuthorityKey();
        var body = JsonSerializer.SerializeToUtf8Bytes(new RenewRequest(Csr(key), authorityKey is null ? null : Csr(authorityKey)), EnrollmentJson.Default.RenewRequest);
        using var answer = await transport.SendAsync(
            new ApiRequest(HttpMethod.Post, EnrollmentProtocol.RenewPath.TrimStart('/'), "certificate", _options.Name, body), cancellation);
        var (credentials, authority) = Adopt(_options, _files, JoinExchange.ReadAnswer(answer, _options), key, authorityKey);
        _authority = authority ?? _authority;
        _current = credentials;
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
                throw new IdentityException($"{options.Server} answered with a certificate that {fault}");
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

    [LoggerMessage(LogLevel.Error, "The certificate of {Name} ended at {At}: join again with a new token, or check the clock")]
    private static partial void LogEnded(ILogger logger, string name, DateTime at);

    [LoggerMessage(LogLevel.Error, "The identity on disk can't be used, joining again: {Fault}")]
    private static partial void LogDamaged(ILogger logger, string fault);
}

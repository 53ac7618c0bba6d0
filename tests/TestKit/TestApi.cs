using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Store;
using Gatehouse.Store.Memory;

namespace Gatehouse.TestKit;

/// <summary>
/// A real API server on loopback, over TLS, with a store in memory and authorities of its own. It signs as a cluster does: root's authority above an intermediate.
/// </summary>
public sealed class TestApi : IAsyncDisposable
{
    private readonly IAsyncDisposable? _store;
    private readonly List<IDisposable> _owned = [];

    private TestApi(IAsyncDisposable? store, ApiServer server, CertificateAuthority root, CertificateAuthority authority, TimeProvider time)
    {
        (_store, Server, Root, Authority, Time) = (store, server, root, authority, time);
    }

    public ApiServer Server { get; }

    public IObjectClient Local => Server.Local;

    /// <summary>Signs operators and clusters.</summary>
    public CertificateAuthority Root { get; }

    /// <summary>Signs this server and workers.</summary>
    public CertificateAuthority Authority { get; }

    public TimeProvider Time { get; }

    public Uri Url => new($"https://127.0.0.1:{Server.Endpoints[0].Port}/");

    /// <summary>An operator.</summary>
    public static UserInfo Operator { get; } = new("operator", [UserInfo.MastersGroup]);

    /// <summary>A worker.</summary>
    public static UserInfo Worker(string name) => new(UserInfo.WorkerPrefix + name, [UserInfo.WorkersGroup]);

    /// <summary>Makes the server; it listens after <see cref="ListenAsync"/>.</summary>
    /// <param name="time">The clock of everything.</param>
    /// <param name="configure">Adds a role's admissions, endpoints and authorizer.</param>
    /// <param name="store">A store that outlives this server; null for one of its own.</param>
    /// <param name="root">The authority above; null for a new one.</param>
    public static async Task<TestApi> CreateAsync(TimeProvider time, Func<ApiServerOptions, CertificateAuthority, ApiServerOptions> configure, IRevisionStore? store = null, CertificateAuthority? root = null)
    {
        root ??= CertificateAuthority.CreateRoot("test root", time);
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var intermediate = root.IssueIntermediate(new PublicKey(key), "c1");
        var authority = CertificateAuthority.FromIntermediate(intermediate, root.Root, key, time);
        var used = store ?? new MemoryStore(time);
        var options = configure(new ApiServerOptions { Store = used, Time = time, Listen = [new IPEndPoint(IPAddress.Loopback, 0)], Authority = authority }, authority);
        return new TestApi(store is null ? used : null, await ApiServer.CreateAsync(options, CancellationToken.None), root, authority, time);
    }

    /// <summary>Starts to listen.</summary>
    public Task ListenAsync() => Server.ListenAsync(CancellationToken.None);

    /// <summary>What a member with this identity shows and trusts; workers are signed by the intermediate, operators by root.</summary>
    public ICredentialSource Credentials(UserInfo user)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issuer = user.Worker is null ? Root : Authority;
        using var certificate = issuer.IssueClient(new PublicKey(key), user);
        using var pair = certificate.CopyWithPrivateKey(key);
        var own = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
        _owned.Add(own);
        return new FixedCredentials(new ApiCredentials { Trust = [Root.Root], Certificate = own, Chain = user.Worker is null ? [] : [Authority.Certificate] });
    }

    /// <summary>Options of a client with this identity.</summary>
    public HttpObjectClientOptions ClientOptions(UserInfo user) => new() { Server = Url, Credentials = Credentials(user), Time = Time };

    /// <summary>A plain HTTP client that trusts the server; with an identity or without.</summary>
    public HttpClient Http(UserInfo? user, Uri? server = null)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, leaf, chain, errors) => Trusts(leaf as X509Certificate2, chain, errors),
                ClientCertificates = user is null ? null : [Credentials(user).Current.Certificate!],
            },
        };
        var client = new HttpClient(handler) { BaseAddress = server ?? Url, Timeout = Patience.Limit };
        _owned.Add(client);
        return client;
    }

    /// <summary>JSON as a request body.</summary>
    public static StringContent Json(string text) => new(text, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    /// <summary>Waits until an object is in a state; null stands for no object.</summary>
    public async Task<T?> UntilAsync<T>(ObjectKey key, Func<T?, bool> reached)
        where T : ApiObject, IKind<T>
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        var list = await Local.ListAsync<T>(new Selection(Fields: $"metadata.name={key.Name}"), patience.Token);
        var last = list.Items is [var first, ..] ? first : null;
        if (reached(last)) return last;
        try
        {
            await foreach (var change in Local.WatchAsync<T>(new Selection(Fields: $"metadata.name={key.Name}"), list.ResourceVersion, patience.Token))
            {
                if (change.Type == ObjectEventType.Bookmark) continue;
                last = change.Type == ObjectEventType.Deleted ? null : change.Object;
                if (reached(last)) return last;
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            // Said below.
        }

        throw new TimeoutException($"{T.Info.Kind} {key} did not reach the state within {Patience.Limit.TotalSeconds} s; it is {(last is null ? "not there" : System.Text.Json.JsonSerializer.Serialize(last, T.Info.Json))}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        foreach (var owned in _owned) owned.Dispose();
        if (_store is not null) await _store.DisposeAsync();
    }

    private bool Trusts(X509Certificate2? leaf, X509Chain? presented, SslPolicyErrors errors)
    {
        if (leaf is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(Root.Root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = Time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(CertificateCheck.ServerPurpose));
        if (presented is not null) chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        return chain.Build(leaf);
    }
}

using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Store;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Server;

/// <summary>A real API server on a free port of the loopback, and plain HTTP clients that show any certificate.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly List<IDisposable> _owned = [];

    private TestServer(ApiServer server, IRevisionStore store, CertificateAuthority authority, TimeProvider time)
    {
        Server = server;
        Store = store;
        Authority = authority;
        Time = time;
    }

    public ApiServer Server { get; }

    public IRevisionStore Store { get; }

    public CertificateAuthority Authority { get; }

    public TimeProvider Time { get; }

    /// <summary>What the server logged as errors; a test that provokes one empties it.</summary>
    public required TestLogs Logs { get; init; }

    public Uri Url => new($"https://127.0.0.1:{Server.Endpoints[0].Port}");

    public static async Task<TestServer> StartAsync(Func<ApiServerOptions, ApiServerOptions>? change = null, TimeProvider? time = null, StoreOptions? storeOptions = null)
    {
        time ??= TimeProvider.System;
        var store = new MemoryStore(time, storeOptions);
        var authority = CertificateAuthority.CreateRoot("test root", time);
        var logs = new TestLogs();
        var options = new ApiServerOptions
        {
            Logs = logs,
            Store = store,
            Time = time,
            Authority = authority,
            Authorizer = new SampleAuthorizer(),
            Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
        };
        var server = await ApiServer.CreateAsync(change?.Invoke(options) ?? options, TestContext.Current.CancellationToken);
        await server.ListenAsync(TestContext.Current.CancellationToken);
        return new TestServer(server, store, authority, time) { Logs = logs };
    }

    /// <summary>An operator's client.</summary>
    public RawClient Operator(Version? version = null) => ClientFor(new UserInfo("admin", [UserInfo.MastersGroup]), version);

    public RawClient Worker(string name) => ClientFor(new UserInfo(UserInfo.WorkerPrefix + name, [UserInfo.WorkersGroup]));

    public RawClient ClientFor(UserInfo user, Version? version = null) => ClientWith(Issue(Authority, user), version);

    /// <summary>A client that shows this certificate, or none.</summary>
    /// <param name="anyServer">Also one whose certificate does not hold, by this test's clock or authority: the test is about the client's.</param>
    public RawClient ClientWith(X509Certificate2? certificate, Version? version = null, string? token = null, bool anyServer = false)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = certificate is null ? [] : [certificate],
                LocalCertificateSelectionCallback = certificate is null ? null : (_, _, _, _, _) => certificate,
                RemoteCertificateValidationCallback = (_, shown, _, _) => anyServer || shown is X509Certificate2 leaf
                    && CertificateCheck.Refuse(leaf, Authority.Certificate, CertificateCheck.ServerPurpose, Time.GetUtcNow()) is null,
            },
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        var http = new HttpClient(handler)
        {
            BaseAddress = Url,
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (token is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        _owned.Add(http);
        return new RawClient(http);
    }

    /// <summary>A client certificate with its key.</summary>
    public static X509Certificate2 Issue(CertificateAuthority authority, UserInfo user, TimeSpan? life = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = authority.IssueClient(new PublicKey(key), user, life);
        using var joined = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(joined.Export(X509ContentType.Pkcs12), null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _owned) one.Dispose();
        await Server.DisposeAsync();
        await Store.DisposeAsync();
        Authority.Dispose();
        Assert.True(Logs.Errors.IsEmpty, string.Join('\n', Logs.Errors));
    }
}

/// <summary>What came back.</summary>
internal sealed record RawAnswer(int Code, string Text, string? ContentType, IReadOnlyList<string> Warnings)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string? Reason => (string?)Json["reason"];

    public string? Message => (string?)Json["message"];

    public string Revision => (string)Json["metadata"]!["resourceVersion"]!;

    public RawAnswer Expect(int code)
    {
        Assert.True(Code == code, $"expected {code}, got {Code}: {Text}");
        return this;
    }
}

/// <summary>HTTP without any client of ours.</summary>
internal sealed class RawClient(HttpClient http)
{
    public const string MergePatch = "application/merge-patch+json";

    public Task<RawAnswer> GetAsync(string path, string? accept = null) => SendAsync(HttpMethod.Get, path, null, null, accept);

    public Task<RawAnswer> PostAsync(string path, string body) => SendAsync(HttpMethod.Post, path, body);

    public Task<RawAnswer> PutAsync(string path, string body) => SendAsync(HttpMethod.Put, path, body);

    public Task<RawAnswer> PatchAsync(string path, string body, string type = MergePatch) => SendAsync(HttpMethod.Patch, path, body, type);

    public Task<RawAnswer> DeleteAsync(string path, string? body = null) => SendAsync(HttpMethod.Delete, path, body);

    public Task<RawAnswer> SendAsync(HttpMethod method, string path, string? body, string? type = "application/json", string? accept = null) =>
        SendBytesAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), type, accept);

    public async Task<RawAnswer> SendBytesAsync(HttpMethod method, string path, byte[]? body, string? type = "application/json", string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path) { Version = http.DefaultRequestVersion, VersionPolicy = http.DefaultVersionPolicy };
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            if (type is not null) request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new RawAnswer((int)response.StatusCode, text, response.Content.Headers.ContentType?.ToString(), [.. response.Headers.TryGetValues("Warning", out var warnings) ? warnings : []]);
    }

    /// <summary>Opens a watch and returns when the server's head is there, hence the watch is open.</summary>
    public async Task<RawWatch> WatchAsync(string path)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path) { Version = http.DefaultRequestVersion, VersionPolicy = http.DefaultVersionPolicy };
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return new RawWatch((int)response.StatusCode, response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));
    }
}

/// <summary>The lines of an open watch.</summary>
internal sealed class RawWatch(int code, HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public int Code => code;

    /// <summary>The next event; null at the end.</summary>
    public async Task<WatchLine?> NextAsync()
    {
        var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        return line is null ? null : new WatchLine(JsonNode.Parse(line)!);
    }

    public async Task<List<WatchLine>> RestAsync()
    {
        List<WatchLine> lines = [];
        while (await NextAsync() is { } line) lines.Add(line);
        return lines;
    }

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}

internal sealed record WatchLine(JsonNode Json)
{
    public string Type => (string)Json["type"]!;

    public JsonNode Object => Json["object"]!;

    public string? Name => (string?)Object["metadata"]?["name"];

    public long Revision => long.Parse((string)Object["metadata"]!["resourceVersion"]!);

    public override string ToString() => $"{Type} {Name}";
}

using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Tests.Server;

public sealed class AuthenticationTests
{
    private static readonly UserInfo Operator = new("admin", [UserInfo.MastersGroup]);
    private static readonly UserInfo ClusterB = new(UserInfo.ClusterPrefix + "b", [UserInfo.ClustersGroup]);

    [Fact]
    public async Task Without_credentials_only_health_and_version_are_open()
    {
        await using var server = await TestServer.StartAsync();
        var stranger = server.ClientWith(null);
        foreach (var path in (string[])["/healthz", "/livez", "/readyz"]) Assert.Equal("ok", (await stranger.GetAsync(path)).Expect(200).Text);
        Assert.Equal("1", (string?)(await stranger.GetAsync("/version")).Expect(200).Json["major"]);
        foreach (var path in (string[])[Bodies.Workers, $"{Bodies.Workers}/w1", "/api", "/apis", "/metrics", "/no/such/path", "/apis/gatehouse.dev/v1/nothings"])
        {
            var answer = (await stranger.GetAsync(path)).Expect(401);
            Assert.Equal("Unauthorized", answer.Reason);
            Assert.Contains("a client certificate or a bearer token is needed", answer.Message);
        }

        (await stranger.PostAsync("/healthz", "{}")).Expect(405);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_401_also_when_it_has_the_same_name()
    {
        await using var server = await TestServer.StartAsync();
        using var impostor = CertificateAuthority.CreateRoot("test root", TimeProvider.System);
        var answer = (await server.ClientWith(TestServer.Issue(impostor, Operator)).GetAsync(Bodies.Workers)).Expect(401);
        Assert.Contains("which this server does not accept", answer.Message);
        // A certificate that signs itself under the authority's name is no better.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var own = new CertificateRequest("CN=test root", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        (await server.ClientWith(own).GetAsync(Bodies.Workers)).Expect(401);
    }

    [Fact]
    public async Task An_expired_certificate_is_401_also_on_a_connection_that_stands()
    {
        var time = new ManualTimeProvider();
        await using var server = await TestServer.StartAsync(o => o with { ServerCertificateLife = TimeSpan.FromDays(30) }, time);
        var certificate = TestServer.Issue(server.Authority, Operator, TimeSpan.FromHours(1));
        var client = server.ClientWith(certificate);
        (await client.GetAsync(Bodies.Workers)).Expect(200);
        time.Advance(TimeSpan.FromMinutes(59));
        (await client.GetAsync(Bodies.Workers)).Expect(200);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Contains("expired at 2026-03-01 13:00:00Z", (await client.GetAsync(Bodies.Workers)).Expect(401).Message);
        Assert.Contains("expired at", (await server.ClientWith(certificate).GetAsync(Bodies.Workers)).Expect(401).Message);
    }

    /// <remarks>What is remembered of a connection is read and written by all its streams at once.</remarks>
    [Fact]
    public async Task Many_first_requests_on_one_connection_are_all_known()
    {
        await using var server = await TestServer.StartAsync();
        for (var connection = 0; connection < 30; connection++)
        {
            var client = server.Operator(HttpVersion.Version20);
            var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => Task.Run(() => client.GetAsync(Bodies.Workers))));
            Assert.All(answers, static a => a.Expect(200));
        }
    }

    [Fact]
    public async Task A_certificate_that_is_not_valid_yet_is_401()
    {
        var time = new ManualTimeProvider();
        await using var server = await TestServer.StartAsync(time: time);
        var certificate = TestServer.Issue(server.Authority, Operator);
        time.JumpTo(time.GetUtcNow() - TimeSpan.FromHours(2));
        var answer = await server.ClientWith(certificate, anyServer: true).GetAsync(Bodies.Workers);
        Assert.Contains("is not valid before", answer.Expect(401).Message);
    }

    [Fact]
    public async Task A_server_certificate_is_no_client_certificate()
    {
        await using var server = await TestServer.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = server.Authority.IssueServer(new PublicKey(key), ["admin"]);
        using var certificate = bare.CopyWithPrivateKey(key);
        Assert.Contains("is not for clients", (await server.ClientWith(certificate).GetAsync(Bodies.Workers)).Expect(401).Message);
    }

    [Fact]
    public async Task An_intermediate_can_name_neither_another_cluster_nor_an_operator_at_root()
    {
        await using var root = await TestServer.StartAsync(o => o with { Authorizer = new EverybodyAuthorizer() });
        using var intermediate = Intermediate(root.Authority, "a");
        (await root.ClientFor(ClusterB).GetAsync(Bodies.Workers)).Expect(200);
        foreach (var user in (UserInfo[])[ClusterB, Operator, new(UserInfo.WorkerPrefix + "w1", [UserInfo.WorkersGroup])])
            Assert.Contains("which this server does not accept", (await root.ClientWith(TestServer.Issue(intermediate, user)).GetAsync(Bodies.Workers)).Expect(401).Message);
        // The intermediate's own certificate is an authority's, not a member's.
        (await root.ClientWith(WithKey(root.Authority, "a")).GetAsync(Bodies.Workers)).Expect(401);
    }

    [Fact]
    public async Task A_cluster_takes_its_own_workers_and_roots_operators_and_nobody_of_another_cluster()
    {
        using var rootAuthority = CertificateAuthority.CreateRoot("root", TimeProvider.System);
        using var own = Intermediate(rootAuthority, "a");
        using var other = Intermediate(rootAuthority, "b");
        await using var cluster = await TestServer.StartAsync(o => o with { Authority = own, Authorizer = new EverybodyAuthorizer() });
        var worker = new UserInfo(UserInfo.WorkerPrefix + "w1", [UserInfo.WorkersGroup]);
        (string Who, CertificateAuthority Issuer, UserInfo User, int Code)[] rows =
        [
            ("own worker", own, worker, 200),
            ("own operator", own, Operator, 200),
            ("root's operator", rootAuthority, Operator, 200),
            ("root's worker", rootAuthority, worker, 401),
            ("root's cluster", rootAuthority, ClusterB, 401),
            ("own cluster", own, ClusterB, 401),
            ("another cluster's worker", other, worker, 401),
            ("another cluster's operator", other, Operator, 401),
            ("no group", own, new UserInfo("x", []), 401),
            ("one group too many", own, worker with { Groups = [UserInfo.WorkersGroup, UserInfo.ClustersGroup] }, 401),
        ];
        foreach (var (who, issuer, user, code) in rows)
        {
            var answer = await cluster.ClientWith(TestServer.Issue(issuer, user), anyServer: true).GetAsync(Bodies.Workers);
            Assert.True(answer.Code == code, $"{who}: {answer.Code} {answer.Text}");
        }
    }

    [Fact]
    public async Task Bearer_tokens_are_users_until_they_expire()
    {
        var time = new ManualTimeProvider();
        var tokens = new BearerTokens();
        tokens.Add("0123456789abcdef-admin", Operator, time.GetUtcNow() + TimeSpan.FromHours(1));
        tokens.Add("0123456789abcdef-watch", new UserInfo("prometheus", ["system:monitoring"]), null);
        await using var server = await TestServer.StartAsync(o => o with { Tokens = tokens }, time);
        var admin = server.ClientWith(null, token: "0123456789abcdef-admin");
        (await admin.GetAsync(Bodies.Workers)).Expect(200);
        Assert.Contains("not known", (await server.ClientWith(null, token: "0123456789abcdef-other").GetAsync(Bodies.Workers)).Expect(401).Message);
        var monitor = server.ClientWith(null, token: "0123456789abcdef-watch");
        (await monitor.GetAsync("/metrics")).Expect(200);
        (await monitor.GetAsync(Bodies.Workers)).Expect(403);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Contains("the bearer token expired at 2026-03-01 13:00:00Z", (await admin.GetAsync(Bodies.Workers)).Expect(401).Message);
        Assert.True(tokens.Remove("0123456789abcdef-watch"));
        (await monitor.GetAsync("/metrics")).Expect(401);
        // A bad token is not made good by a certificate beside it.
        (await server.ClientWith(TestServer.Issue(server.Authority, Operator), token: "0123456789abcdef-gone").GetAsync(Bodies.Workers)).Expect(401);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokens.Add("short", Operator, null));
    }

    [Fact]
    public async Task The_servers_certificate_is_renewed_while_it_runs()
    {
        var time = new ManualTimeProvider();
        await using var server = await TestServer.StartAsync(o => o with { ServerCertificateLife = TimeSpan.FromHours(3), ServerNames = ["gatehouse.test", "127.0.0.1"] }, time);
        var shown = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            shown.Add((await ShownAsync(server)).SerialNumber);
            time.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(3, shown.Distinct().Count());
        Assert.Equal(shown[0], shown[1]);
        var names = (await ShownAsync(server)).Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal(["gatehouse.test"], names.EnumerateDnsNames());
        Assert.Equal([IPAddress.Loopback], names.EnumerateIPAddresses());
    }

    [Fact]
    public async Task A_workers_identity_reaches_what_is_its_own_and_nothing_else()
    {
        await using var server = await TestServer.StartAsync();
        var admin = server.Operator();
        var (w1, w2) = (server.Worker("w1"), server.Worker("w2"));
        (await w1.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201);
        (await w1.GetAsync($"{Bodies.Workers}/w1")).Expect(200);
        var other = (await w2.GetAsync($"{Bodies.Workers}/w1")).Expect(403);
        Assert.Equal("Forbidden", other.Reason);
        Assert.Equal("workers.gatehouse.dev \"w1\" is forbidden: User \"system:worker:w2\" cannot get resource \"workers\" in API group \"gatehouse.dev\" at the cluster scope: it is not 'w2'", other.Message);
        // Whether something exists is not told either.
        (await w2.GetAsync($"{Bodies.Workers}/never")).Expect(403);
        (await w2.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(403);
        (await w2.PutAsync($"{Bodies.Workers}/w1", Bodies.Worker("w1"))).Expect(403);
        (await w2.PatchAsync($"{Bodies.Workers}/w1", "{}")).Expect(403);
        (await w2.DeleteAsync($"{Bodies.Workers}/w1")).Expect(403);
        (await w2.GetAsync(Bodies.Workers)).Expect(403);
        (await w1.PostAsync(Bodies.Interests, Bodies.Interest("i1", "w1"))).Expect(201);
        (await w1.PostAsync(Bodies.Interests, Bodies.Interest("i2", "w2"))).Expect(403);
        (await w1.GetAsync($"{Bodies.Interests}?fieldSelector=spec.holder%3Dw1")).Expect(200);
        (await w1.GetAsync(Bodies.Interests)).Expect(403);
        (await w1.GetAsync($"{Bodies.Interests}?fieldSelector=spec.holder%3Dw2")).Expect(403);
        using (var watch = await w1.WatchAsync($"{Bodies.Interests}?watch=1&fieldSelector=spec.holder%3Dw2")) Assert.Equal(403, watch.Code);
        // Neither take an object that is another's, nor turn one's own into another's.
        (await w2.PutAsync($"{Bodies.Interests}/i1", Bodies.Interest("i1", "w2"))).Expect(403);
        (await w1.PatchAsync($"{Bodies.Interests}/i1", """{"spec":{"holder":"w2"}}""")).Expect(403);
        (await w1.GetAsync("/apis/gatehouse.dev/v1/jointokens")).Expect(403);
        (await w1.GetAsync("/metrics")).Expect(403);
        Assert.Equal("w1", (string?)(await admin.GetAsync($"{Bodies.Interests}/i1")).Json["spec"]!["holder"]);
    }

    [Fact]
    public async Task Without_an_authorizer_only_operators_are_served()
    {
        await using var server = await TestServer.StartAsync(o => o with { Authorizer = null });
        (await server.Operator().GetAsync(Bodies.Workers)).Expect(200);
        Assert.Contains("operators alone", (await server.Worker("w1").GetAsync(Bodies.Workers)).Expect(403).Message);
    }

    [Fact]
    public async Task Roles_add_endpoints_and_side_listeners_whose_callers_are_known()
    {
        await using var server = await TestServer.StartAsync(o => o with
        {
            MapEndpoints = map =>
            {
                map.MapGet("/role/who", context => context.Response.WriteAsync(context.GetUser()!.Name));
                map.MapGet("/role/open", context => context.Response.WriteAsync(context.GetUser()?.Name ?? "nobody")).AllowAnonymous();
            },
            SideListeners =
            [
                new SideListener(new IPEndPoint(IPAddress.Loopback, 0), Tls: false, map => map.MapGet("/side", context => context.Response.WriteAsync("plain")).AllowAnonymous()),
                new SideListener(new IPEndPoint(IPAddress.Loopback, 0), Tls: true, map => map.MapGet("/side", context => context.Response.WriteAsync(context.GetUser()!.Name))),
            ],
        });
        var (worker, stranger) = (server.Worker("w1"), server.ClientWith(null));
        Assert.Equal("system:worker:w1", (await worker.GetAsync("/role/who")).Expect(200).Text);
        (await stranger.GetAsync("/role/who")).Expect(401);
        Assert.Equal("nobody", (await stranger.GetAsync("/role/open")).Expect(200).Text);
        Assert.Equal("NotFound", (await worker.GetAsync("/role/none")).Expect(404).Reason);
        var (plain, secure) = (server.Server.SideEndpoints[0].Port, server.Server.SideEndpoints[1].Port);
        Assert.Equal("plain", (await stranger.GetAsync($"http://127.0.0.1:{plain}/side")).Expect(200).Text);
        (await stranger.GetAsync($"http://127.0.0.1:{plain}{Bodies.Workers}")).Expect(401);
        Assert.Equal("system:worker:w1", (await worker.GetAsync($"https://127.0.0.1:{secure}/side")).Expect(200).Text);
        (await stranger.GetAsync($"https://127.0.0.1:{secure}/side")).Expect(401);
        // The objects are on the API's own listeners alone.
        (await server.Operator().GetAsync($"https://127.0.0.1:{secure}{Bodies.Workers}")).Expect(404);
    }

    [Fact]
    public async Task Not_ready_says_why()
    {
        string? why = "no range yet";
        await using var server = await TestServer.StartAsync(o => o with { RefuseReady = () => why });
        Assert.Equal("not ready: no range yet\n", (await server.ClientWith(null).GetAsync("/readyz")).Expect(503).Text);
        (await server.ClientWith(null).GetAsync("/livez")).Expect(200);
        why = null;
        (await server.ClientWith(null).GetAsync("/readyz")).Expect(200);
    }

    private static CertificateAuthority Intermediate(CertificateAuthority root, string cluster)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return CertificateAuthority.FromIntermediate(root.IssueIntermediate(new PublicKey(key), cluster), X509CertificateLoader.LoadCertificate(root.Certificate.RawData), key, TimeProvider.System);
    }

    private static X509Certificate2 WithKey(CertificateAuthority root, string cluster)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return root.IssueIntermediate(new PublicKey(key), cluster).CopyWithPrivateKey(key);
    }

    private static async Task<X509Certificate2> ShownAsync(TestServer server)
    {
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(server.Server.Endpoints[0], TestContext.Current.CancellationToken);
        using var tls = new System.Net.Security.SslStream(socket.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync("gatehouse.test");
        return X509CertificateLoader.LoadCertificate(tls.RemoteCertificate!.GetRawCertData());
    }

    private sealed class EverybodyAuthorizer : IAuthorizer
    {
        public string? Refuse(AuthorizationRequest request) => null;
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Tests.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Identity;

public sealed class EnrollmentTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_machine_joins_with_its_token_and_is_then_that_worker()
    {
        await using var server = await StartAsync();
        var token = await TokenAsync(server, "worker", "w1");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var answer = await JoinAsync(server, token, "worker", "w1", SubjectCsr(key, "CN=system:masters, O=system:masters"));
        using var certificate = Certificate(answer.Expect(200), key);
        Assert.Equal(["CN=system:worker:w1", "O=system:workers"], certificate.Subject.Split(", ").Order());
        Assert.Equal(TimeSpan.FromHours(24) + TimeSpan.FromMinutes(5), certificate.NotAfter - certificate.NotBefore);
        (await server.ClientWith(certificate).PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201);
        (await server.ClientWith(certificate).PostAsync(Bodies.Workers, Bodies.Worker("w2"))).Expect(403);
        Assert.Equal(server.Authority.RootPem, (string?)answer.Json["ca"]);
        Assert.Equal("", (string?)answer.Json["chain"]);
        Assert.Null(answer.Json["authority"]);
    }

    [Fact]
    public async Task A_cluster_gets_an_authority_whose_workers_its_own_api_accepts()
    {
        await using var root = await StartAsync(roles: ["cluster", "operator"]);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var answer = (await JoinAsync(root, await TokenAsync(root, "cluster", null), "cluster", "a", SigningRequest.Create(key), SigningRequest.Create(authorityKey))).Expect(200);
        using var certificate = X509Certificate2.CreateFromPem((string)answer.Json["authority"]!);
        Assert.Null(CertificateCheck.Refuse(X509Certificate2.CreateFromPem((string)answer.Json["certificate"]!), root.Authority.Certificate, CertificateCheck.ClientPurpose, DateTimeOffset.UtcNow));
        var constraints = certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single();
        Assert.True(constraints is { CertificateAuthority: true, HasPathLengthConstraint: true, PathLengthConstraint: 0 });
        using var intermediate = CertificateAuthority.FromIntermediate(certificate, root.Authority.Certificate, authorityKey, TimeProvider.System);
        await using var cluster = await TestServer.StartAsync(o => o with { AuthoritySource = () => intermediate, Enrollment = new EnrollmentOptions { Roles = ["worker"] } });
        using var workerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var token = await cluster.Server.JoinTokens!.CreateAsync("worker", null, null, Cancellation);
        // The token pins the key that signs at this cluster, which its server shows.
        Assert.EndsWith(intermediate.Pin, token);
        var joined = (await PostJoinAsync(cluster.ClientWith(null, anyServer: true), token, "worker", "w1", SigningRequest.Create(workerKey))).Expect(200);
        Assert.Equal(intermediate.ChainPem, (string?)joined.Json["chain"]);
        Assert.Equal(root.Authority.RootPem, (string?)joined.Json["ca"]);
        using var worker = Certificate(joined, workerKey);
        (await cluster.ClientWith(worker, anyServer: true).PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201);
        (await root.ClientWith(worker).GetAsync(Bodies.Workers)).Expect(401);
    }

    [Fact]
    public async Task Tokens_are_for_one_role_one_member_and_some_time()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time, roles: ["worker", "cluster"]);
        var named = await TokenAsync(server, "worker", "w1");
        var forAny = await TokenAsync(server, "worker", null);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = SigningRequest.Create(key);
        Assert.Contains("is for 'w1', not 'w2'", (await JoinAsync(server, named, "worker", "w2", csr)).Expect(401).Message);
        Assert.Contains("is for the role 'worker', not 'cluster'", (await JoinAsync(server, forAny, "cluster", "c", csr)).Expect(401).Message);
        (await JoinAsync(server, forAny, "worker", "w8", csr)).Expect(200);
        (await JoinAsync(server, forAny, "worker", "w9", csr)).Expect(200);
        Assert.True(TokenText.TryParse(forAny, out var parsed));
        Assert.Contains("not known", (await JoinAsync(server, (parsed with { Secret = new string('0', 64) }).ToString(), "worker", "w7", csr)).Expect(401).Message);
        Assert.Contains("not known", (await JoinAsync(server, (parsed with { Id = "zzzzzzzzzz" }).ToString(), "worker", "w7", csr)).Expect(401).Message);
        Assert.Contains("has not the form", (await JoinAsync(server, "gh1.nonsense", "worker", "w7", csr)).Expect(401).Message);
        Assert.True(await server.Server.JoinTokens!.RevokeAsync(named, Cancellation));
        Assert.Contains("not known", (await JoinAsync(server, named, "worker", "w1", csr)).Expect(401).Message);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Contains("the join token expired at 2026-03-01 13:00:00Z", (await JoinAsync(server, forAny, "worker", "w7", csr)).Expect(401).Message);
    }

    [Fact]
    public async Task The_store_never_holds_a_secret()
    {
        await using var server = await StartAsync();
        Assert.True(TokenText.TryParse(await TokenAsync(server, "worker", "w1"), out var token));
        var stored = (await server.Operator().GetAsync($"/apis/gatehouse.dev/v1/jointokens/{token.Id}")).Expect(200);
        Assert.DoesNotContain(token.Secret, stored.Text);
        Assert.Equal(token.Hash, (string?)stored.Json["spec"]!["hash"]);
    }

    [Fact]
    public async Task All_faults_of_a_join_come_at_once()
    {
        await using var server = await StartAsync();
        var answer = (await JoinAsync(server, "", "king", "No_Name", "-----BEGIN NOTHING-----", "x")).Expect(422);
        Assert.Equal(["token", "role", "name", "csr", "authorityCsr", "authorityCsr"], answer.Json["details"]!["causes"]!.AsArray().Select(c => (string)c!["field"]!));
        var client = server.ClientWith(null);
        (await client.PostAsync(EnrollmentProtocol.JoinPath, "[")).Expect(400);
        (await client.PostAsync(EnrollmentProtocol.JoinPath, """{"token":7}""")).Expect(400);
        (await client.SendAsync(HttpMethod.Post, EnrollmentProtocol.JoinPath, "{}", "text/plain")).Expect(415);
        (await client.PostAsync(EnrollmentProtocol.JoinPath, $$"""{"token":"{{new string('x', 70_000)}}"}""")).Expect(413);
        (await client.GetAsync(EnrollmentProtocol.JoinPath)).Expect(405);
        using var rsa = RSA.Create(2048);
        var rsaCsr = new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem();
        Assert.Contains("ECDSA", (await JoinAsync(server, await TokenAsync(server, "worker", null), "worker", "w1", rsaCsr)).Expect(422).Message);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var flipped = Flip(SigningRequest.Create(key));
        Assert.Contains("csr", (await JoinAsync(server, await TokenAsync(server, "worker", null), "worker", "w1", flipped)).Expect(422).Message);
    }

    [Fact]
    public async Task A_members_name_is_taken_over_only_with_a_token_that_names_it()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        var forAny = await TokenAsync(server, "worker", null);
        using var first = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var second = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (await JoinAsync(server, forAny, "worker", "w1", SigningRequest.Create(first))).Expect(200);
        // No lease yet: the join itself holds the name, but not against the same key (an answer that got lost).
        var held = (await JoinAsync(server, forAny, "worker", "w1", SigningRequest.Create(second))).Expect(409);
        Assert.Contains("it joined a moment ago with another key", held.Message);
        Assert.Equal(60, (int)held.Json["details"]!["retryAfterSeconds"]!);
        (await JoinAsync(server, forAny, "worker", "w1", SigningRequest.Create(first))).Expect(200);
        await LiveAsync(server, "w1", time);

        // Long after its last lease it is still w1's name: a machine that sleeps loses nothing to whoever has a token for any worker.
        time.Advance(TimeSpan.FromMinutes(40));
        var taken = (await JoinAsync(server, forAny, "worker", "w1", SigningRequest.Create(second))).Expect(409);
        Assert.Equal(
            "the worker 'w1' can't join with a token for any worker: a member has this name; use a token made for it (gatehouse token create --role worker --member w1), "
            + "join from the machine that has its old key, or delete the worker 'w1' if it is gone for good",
            taken.Message);
        Assert.Null(taken.Json["details"]!["retryAfterSeconds"]);
        (await JoinAsync(server, forAny, "worker", "w1", SigningRequest.Create(first))).Expect(409);
        (await JoinAsync(server, await TokenAsync(server, "worker", "w1"), "worker", "w1", SigningRequest.Create(second))).Expect(200);

        // Its object is gone: so is the member, whatever lease is left.
        time.Advance(TimeSpan.FromSeconds(61));
        forAny = await TokenAsync(server, "worker", null);
        await server.Server.Local.DeleteAsync<Worker>("w1", null, Cancellation);
        (await JoinAsync(server, forAny, "worker", "w1", SigningRequest.Create(first))).Expect(200);
    }

    [Fact]
    public async Task A_member_takes_its_name_back_with_its_old_key_and_nobody_else_with_anything_like_it()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        using var first = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var named = await TokenAsync(server, "worker", "w1");
        using var mine = Certificate((await JoinAsync(server, named, "worker", "w1", SigningRequest.Create(first))).Expect(200), first);
        using var foreign = Certificate((await JoinAsync(server, await TokenAsync(server, "worker", "w2"), "worker", "w2", SigningRequest.Create(other))).Expect(200), other);
        using var strangers = CertificateAuthority.CreateRoot("test root", time);
        using var forged = strangers.IssueClient(new PublicKey(first), new UserInfo("system:worker:w1", ["system:workers"]), TimeSpan.FromHours(1));
        await LiveAsync(server, "w1", time);
        time.Advance(TimeSpan.FromDays(3));
        var forAny = await TokenAsync(server, "worker", null);
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = SigningRequest.Create(next);
        var proof = OldKeyProof.Make(mine, "worker", "w1", csr);

        await RefusedAsync("must both be given", mine.ExportCertificatePem(), null);
        await RefusedAsync("must both be given", null, proof);
        await RefusedAsync("can't be read", "no certificate", proof);
        await RefusedAsync("can't be read", mine.ExportCertificatePem(), "no base64!");
        await RefusedAsync("names somebody else", foreign.ExportCertificatePem(), OldKeyProof.Make(foreign, "worker", "w1", csr));
        await RefusedAsync("was not issued here", forged.ExportCertificatePem(), proof);
        await RefusedAsync("is no signature under", mine.ExportCertificatePem(), OldKeyProof.Make(foreign, "worker", "w1", csr));
        await RefusedAsync("is no signature under", mine.ExportCertificatePem(), OldKeyProof.Make(mine, "worker", "w2", csr));
        await RefusedAsync("is no signature under", mine.ExportCertificatePem(), OldKeyProof.Make(mine, "worker", "w1", SigningRequest.Create(other)));
        // A proof makes no wrong token right.
        (await ProveAsync("gh1.nonsense", mine.ExportCertificatePem(), proof)).Expect(401);
        (await ProveAsync(forAny, mine.ExportCertificatePem(), proof)).Expect(200);

        time.Advance(TimeSpan.FromDays(29));
        forAny = await TokenAsync(server, "worker", null);
        await RefusedAsync("which is too long ago", mine.ExportCertificatePem(), proof);

        Task<RawAnswer> ProveAsync(string token, string? previous, string? given) => server.ClientWith(null, anyServer: true).PostAsync(
            EnrollmentProtocol.JoinPath, JsonSerializer.Serialize(new JoinRequest(token, "worker", "w1", csr, null, previous, given), EnrollmentJson.Default.JoinRequest));

        async Task RefusedAsync(string why, string? previous, string? given) => Assert.Contains(why, (await ProveAsync(forAny, previous, given)).Expect(409).Message);
    }

    [Fact]
    public async Task A_member_that_is_still_there_comes_back_by_its_old_key_alone_and_one_that_was_deleted_or_replaced_does_not()
    {
        var time = new ManualTimeProvider();
        string? removed = null;
        await using var server = await StartAsync(time, refuse: (user, _) => new ValueTask<string?>(user.Worker == removed ? "it was removed" : null));
        using var first = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var mine = Certificate((await JoinAsync(server, await TokenAsync(server, "worker", "w1"), "worker", "w1", SigningRequest.Create(first))).Expect(200), first);
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = SigningRequest.Create(next);
        var proof = OldKeyProof.Make(mine, "worker", "w1", csr);
        await RefusedAsync("there is no worker of this name");
        await LiveAsync(server, "w1", time);
        time.Advance(TimeSpan.FromDays(3));

        using var back = Certificate((await ReturnAsync(proof)).Expect(200), next);
        Assert.Contains("CN=system:worker:w1", back.Subject);
        Assert.True(back.NotAfter.ToUniversalTime() > time.GetUtcNow().UtcDateTime);
        await RefusedAsync("is no signature under", OldKeyProof.Make(mine, "worker", "w2", csr));
        (await server.ClientWith(null, anyServer: true).PostAsync(EnrollmentProtocol.JoinPath, JsonSerializer.Serialize(new JoinRequest(null, "worker", "w1", csr), EnrollmentJson.Default.JoinRequest))).Expect(422);
        removed = "w1";
        await RefusedAsync("it was removed");
        removed = null;

        await server.Server.Local.DeleteAsync<Worker>("w1", null, Cancellation);
        await RefusedAsync("there is no worker of this name");
        await server.Server.Local.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = "w1" }, Spec = new WorkerSpec { Underlay = "192.0.2.2" } }, Cancellation);
        await RefusedAsync("is older than the worker");

        Task<RawAnswer> ReturnAsync(string given) => server.ClientWith(null, anyServer: true).PostAsync(
            EnrollmentProtocol.JoinPath, JsonSerializer.Serialize(new JoinRequest(null, "worker", "w1", csr, null, mine.ExportCertificatePem(), given), EnrollmentJson.Default.JoinRequest));

        async Task RefusedAsync(string why, string? given = null) => Assert.Contains(why, (await ReturnAsync(given ?? proof)).Expect(401).Message);
    }

    [Fact]
    public async Task Guessing_is_slowed_down()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time, failures: 3);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var good = await TokenAsync(server, "worker", null);
        Assert.True(TokenText.TryParse(good, out var token));
        var bad = (token with { Secret = new string('0', 64) }).ToString();
        for (var i = 0; i < 3; i++) (await JoinAsync(server, bad, "worker", "w1", SigningRequest.Create(key))).Expect(401);
        Assert.Equal("TooManyRequests", (await JoinAsync(server, good, "worker", "w1", SigningRequest.Create(key))).Expect(429).Reason);
        time.Advance(TimeSpan.FromMinutes(1));
        (await JoinAsync(server, good, "worker", "w1", SigningRequest.Create(key))).Expect(200);
    }

    [Fact]
    public async Task A_member_renews_as_itself_while_its_certificate_holds()
    {
        var time = new ManualTimeProvider();
        string? removed = null;
        await using var server = await StartAsync(time, refuse: (user, _) => new ValueTask<string?>(user.Worker == removed ? $"the worker '{removed}' was removed" : null));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var joined = Certificate((await JoinAsync(server, await TokenAsync(server, "worker", "w1"), "worker", "w1", SigningRequest.Create(key))).Expect(200), key);
        time.Advance(TimeSpan.FromHours(16));
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var renewed = Certificate((await RenewAsync(server.ClientWith(joined), SubjectCsr(next, "CN=system:worker:w2"))).Expect(200), next);
        Assert.Contains("CN=system:worker:w1", renewed.Subject);
        time.Advance(TimeSpan.FromHours(9));
        (await RenewAsync(server.ClientWith(joined, anyServer: true), SigningRequest.Create(next))).Expect(401);
        (await RenewAsync(server.ClientWith(renewed, anyServer: true), SigningRequest.Create(next), SigningRequest.Create(key))).Expect(422);
        (await RenewAsync(server.ClientWith(null, anyServer: true), SigningRequest.Create(next))).Expect(401);
        removed = "w1";
        Assert.Contains("was removed", (await RenewAsync(server.ClientWith(renewed, anyServer: true), SigningRequest.Create(next))).Expect(403).Message);
    }

    [Fact]
    public async Task A_clusters_authority_is_renewed_under_its_key()
    {
        await using var root = await StartAsync(roles: ["cluster"]);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var joined = (await JoinAsync(root, await TokenAsync(root, "cluster", "a"), "cluster", "a", SigningRequest.Create(key), SigningRequest.Create(authorityKey))).Expect(200);
        var renewed = (await RenewAsync(root.ClientWith(Certificate(joined, key)), SigningRequest.Create(key), SigningRequest.Create(authorityKey))).Expect(200);
        using var before = X509Certificate2.CreateFromPem((string)joined.Json["authority"]!);
        using var after = X509Certificate2.CreateFromPem((string)renewed.Json["authority"]!);
        Assert.NotEqual(before.SerialNumber, after.SerialNumber);
        Assert.Equal(CertificateCheck.PinOf(before), CertificateCheck.PinOf(after));
        Assert.Equal("CN=gatehouse cluster a", after.Subject);
    }

    [Fact]
    public async Task An_operator_of_root_is_not_renewed_by_a_cluster()
    {
        await using var cluster = await StartAsync();
        using var otherRoot = CertificateAuthority.CreateRoot("other", TimeProvider.System);
        var tokens = new BearerTokens();
        tokens.Add("0123456789abcdef", new UserInfo("admin", [UserInfo.MastersGroup]), null);
        await using var server = await TestServer.StartAsync(o => o with
        {
            Enrollment = new EnrollmentOptions { Roles = ["worker"] },
            Tokens = tokens,
            ClientIssuers = [new TrustedIssuer(otherRoot.Certificate, [UserInfo.MastersGroup])],
        });
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var operatorOfRoot = TestServer.Issue(otherRoot, new UserInfo("admin", [UserInfo.MastersGroup]));
        Assert.Contains("renewed where it was issued", (await RenewAsync(server.ClientWith(operatorOfRoot), SigningRequest.Create(key))).Expect(403).Message);
        Assert.Contains("must be shown", (await RenewAsync(server.ClientWith(null, token: "0123456789abcdef"), SigningRequest.Create(key))).Expect(401).Message);
    }

    [Fact]
    public async Task Where_nobody_can_join_the_paths_are_not_there()
    {
        await using var server = await TestServer.StartAsync();
        (await server.ClientWith(null).PostAsync(EnrollmentProtocol.JoinPath, "{}")).Expect(404);
        await Assert.ThrowsAsync<ArgumentException>(() => server.Server.JoinTokens!.CreateAsync("king", null, null, Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => server.Server.JoinTokens!.CreateAsync("worker", "No_Name", null, Cancellation));
    }

    private static Task<TestServer> StartAsync(
        TimeProvider? time = null, string[]? roles = null, int failures = 30, Func<UserInfo, CancellationToken, ValueTask<string?>>? refuse = null) =>
        TestServer.StartAsync(
            o => o with
            {
                ServerCertificateLife = TimeSpan.FromDays(9),
                Enrollment = new EnrollmentOptions
                {
                    Roles = roles ?? ["worker"],
                    LeaseNamespace = Worker.LeaseNamespace,
                    MemberSince = async (objects, name, ct) => EnrollmentOptions.SinceOf((await objects.GetAsync<Worker>(name, ct))?.Metadata),
                    FailuresPerMinute = failures,
                    RefuseRenewal = refuse,
                },
            },
            time);

    /// <summary>What a member has that has worked: its object and a lease.</summary>
    private static async Task LiveAsync(TestServer server, string name, TimeProvider time)
    {
        await server.Server.Local.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "192.0.2.1" } }, Cancellation);
        var spec = new LeaseSpec { HolderIdentity = name, LeaseDurationSeconds = 15, RenewTime = time.GetUtcNow() };
        await server.Server.Local.CreateAsync(new Lease { Metadata = new ObjectMeta { Name = name, Namespace = Worker.LeaseNamespace }, Spec = spec }, Cancellation);
    }

    [Theory]
    [InlineData("cluster")]
    [InlineData("operator")]
    public async Task A_token_that_this_server_would_never_take_is_not_made(string role)
    {
        await using var server = await StartAsync();
        var body = $$$"""{"apiVersion":"gatehouse.dev/v1","kind":"JoinToken","metadata":{"name":"abcdefghij"},"spec":{"role":"{{{role}}}","hash":"{{{new string('a', 64)}}}","expiresAt":"2030-01-01T00:00:00Z"}}""";

        var refused = (await server.Operator().PostAsync("/apis/gatehouse.dev/v1/jointokens", body)).Expect(422);

        Assert.Contains($"spec.role: '{role}' is not valid: must be one that joins here: worker", refused.Message);
        (await server.Operator().PostAsync("/apis/gatehouse.dev/v1/jointokens", body.Replace(role, "worker", StringComparison.Ordinal))).Expect(201);
    }

    private static Task<string> TokenAsync(TestServer server, string role, string? member) => server.Server.JoinTokens!.CreateAsync(role, member, null, Cancellation);

    private static Task<RawAnswer> JoinAsync(TestServer server, string token, string role, string name, string csr, string? authorityCsr = null) =>
        PostJoinAsync(server.ClientWith(null, anyServer: true), token, role, name, csr, authorityCsr);

    private static Task<RawAnswer> PostJoinAsync(RawClient client, string token, string role, string name, string csr, string? authorityCsr = null) =>
        client.PostAsync(EnrollmentProtocol.JoinPath, JsonSerializer.Serialize(new JoinRequest(token, role, name, csr, authorityCsr), EnrollmentJson.Default.JoinRequest));

    private static Task<RawAnswer> RenewAsync(RawClient client, string csr, string? authorityCsr = null) =>
        client.PostAsync(EnrollmentProtocol.RenewPath, JsonSerializer.Serialize(new RenewRequest(csr, authorityCsr), EnrollmentJson.Default.RenewRequest));

    private static X509Certificate2 Certificate(RawAnswer answer, ECDsa key)
    {
        using var bare = X509Certificate2.CreateFromPem((string)answer.Json["certificate"]!);
        using var joined = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(joined.Export(X509ContentType.Pkcs12), null);
    }

    private static string SubjectCsr(ECDsa key, string subject) => new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSigningRequestPem();

    /// <summary>Another request's signature under this one's key.</summary>
    private static string Flip(string pem)
    {
        var fields = PemEncoding.Find(pem);
        var bytes = Convert.FromBase64String(pem[fields.Base64Data]);
        bytes[^1] ^= 1;
        return PemEncoding.WriteString("CERTIFICATE REQUEST", bytes);
    }
}

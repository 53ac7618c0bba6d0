using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Tests.Client;
using Gatehouse.Api.Tests.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Identity;

/// <summary>Joining, starting from disk and renewing, against a real server.</summary>
public sealed class MemberCredentialsTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow;

    /// <summary>The member's clock; the server's goes with it, and has timers of its own.</summary>
    private readonly ManualTimeProvider _time = new(Start);
    private readonly ManualTimeProvider _serverTime = new(Start);
    private readonly TemporaryDirectory _folder = new();
    private TestServer _root = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string this[string file] => _folder["identity", file];

    public async ValueTask InitializeAsync() => _root = await TestServer.StartAsync(Enrolling, _serverTime);

    public async ValueTask DisposeAsync()
    {
        await _root.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_worker_joins_with_a_token_and_is_known_by_its_certificate()
    {
        var member = await MemberCredentials.JoinOrLoadAsync(Options() with { Token = await TokenAsync() }, Cancellation);
        Assert.Equal("CN=system:worker:w1, O=system:workers", member.Current.Certificate!.Subject);
        Assert.Equal(_time.GetUtcNow().AddHours(24), member.ExpiresAt, TimeSpan.FromSeconds(1));
        Assert.Null(member.Authority);
        using var client = Client(member);
        var made = await client.CreateAsync(new Interest { Metadata = new ObjectMeta { Name = "i" }, Spec = new InterestSpec { Holder = "w1", Query = "q" } }, Cancellation);
        Assert.Equal("w1", made.Spec.Holder);
        foreach (var file in (string[])["ca.pem", "cert.pem", "key.pem"])
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(this[file]));
        Assert.False(File.Exists(this["key.pem.next"]));
    }

    [Fact]
    public async Task The_second_start_needs_neither_token_nor_network()
    {
        var first = await MemberCredentials.JoinOrLoadAsync(Options() with { Token = await TokenAsync() }, Cancellation);
        var again = await MemberCredentials.JoinOrLoadAsync(Options() with { Server = new Uri("https://127.0.0.1:1") }, Cancellation);
        Assert.Equal(first.Current.Certificate!.SerialNumber, again.Current.Certificate!.SerialNumber);
        using var client = Client(again);
        Assert.Empty(await OwnAsync(client));
    }

    [Fact]
    public async Task A_cluster_gets_an_authority_that_signs_workers_whom_its_server_then_lets_in()
    {
        var options = Options() with { Role = EnrollmentProtocol.ClusterRole, Name = "c1", Token = await TokenAsync(EnrollmentProtocol.ClusterRole) };
        var cluster = await MemberCredentials.JoinOrLoadAsync(options, Cancellation);
        Assert.NotNull(cluster.Authority);
        Assert.False(cluster.Authority.IsRoot);
        Assert.Equal(_root.Authority.Pin, CertificateCheck.PinOf(cluster.Authority.Root));
        await using var below = await TestServer.StartAsync(o => Enrolling(o) with { Authority = cluster.Authority }, _serverTime);
        var token = await below.Server.JoinTokens!.CreateAsync(EnrollmentProtocol.WorkerRole, "w1", null, Cancellation);
        var worker = await MemberCredentials.JoinOrLoadAsync(Options() with { Server = below.Url, Directory = _folder["worker"], Token = token }, Cancellation);
        Assert.Equal(cluster.Authority.Pin, CertificateCheck.PinOf(worker.Current.Chain[0]));
        using var client = new HttpObjectClient(new HttpObjectClientOptions { Server = below.Url, Credentials = worker, Time = _time });
        Assert.Empty(await OwnAsync(client));

        var again = await MemberCredentials.JoinOrLoadAsync(options with { Token = null }, Cancellation);
        Assert.Equal(cluster.Authority.Pin, again.Authority!.Pin);
    }

    [Fact]
    public async Task A_server_without_the_tokens_key_never_sees_the_token()
    {
        var token = await TokenAsync();
        using var twin = CertificateAuthority.CreateRoot("test root", TimeProvider.System);
        await using var impostor = await ScriptedServer.StartAsync(twin);
        impostor.Otherwise = c => ScriptedServer.WriteAsync(c, 200, twin.RootPem, "application/x-pem-file");
        var fault = await Assert.ThrowsAsync<IdentityException>(() => JoinAsync(Options() with { Server = impostor.Url, Token = token }));
        Assert.Contains("is not the server of this token", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["GET /gatehouse/v1/ca"], impostor.Requests);
        Assert.False(Directory.Exists(_folder["identity"]) && File.Exists(this["cert.pem"]));
    }

    [Fact]
    public async Task A_server_that_shows_the_right_authority_but_was_not_signed_by_it_never_sees_the_token()
    {
        var token = await TokenAsync();
        using var twin = CertificateAuthority.CreateRoot("test root", TimeProvider.System);
        await using var impostor = await ScriptedServer.StartAsync(twin);
        impostor.Otherwise = c => ScriptedServer.WriteAsync(c, 200, _root.Authority.RootPem, "application/x-pem-file");
        var fault = await Assert.ThrowsAsync<IdentityException>(() => JoinAsync(Options() with { Server = impostor.Url, Token = token }));
        Assert.Contains("the token was not sent", fault.Message, StringComparison.Ordinal);
        Assert.False(fault.MayPass);
        Assert.Equal(["GET /gatehouse/v1/ca"], impostor.Requests);
    }

    [Theory]
    [InlineData("gh1.abc")]
    [InlineData("")]
    [InlineData("gh2.aaaaaaaaaa.b.c")]
    public async Task A_token_that_is_none_is_refused_before_anything_is_sent(string token)
    {
        var fault = await Assert.ThrowsAsync<IdentityException>(() => JoinAsync(Options() with { Server = new Uri("https://127.0.0.1:1"), Token = token }));
        Assert.Contains("gh1.ID.SECRET.PIN", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_identity_and_token_it_says_what_to_do()
    {
        var fault = await Assert.ThrowsAsync<IdentityException>(() => JoinAsync(Options()));
        Assert.Contains("give a join token", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_token_is_refused_by_the_server_in_its_words()
    {
        var token = await TokenAsync();
        Advance(TimeSpan.FromHours(2));
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => JoinAsync(Options() with { Token = token }));
        Assert.Contains("the join token expired at", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_whose_certificate_ended_joins_again_with_a_token_for_any_and_one_that_lost_its_identity_does_not()
    {
        await JoinAsync(Options() with { Token = await TokenAsync() });
        var spec = new LeaseSpec { HolderIdentity = "w1", LeaseDurationSeconds = 15, RenewTime = _serverTime.GetUtcNow() };
        await _root.Server.Local.CreateAsync(new Lease { Metadata = new ObjectMeta { Name = "w1", Namespace = Worker.LeaseNamespace }, Spec = spec }, Cancellation);
        Advance(TimeSpan.FromHours(30));

        var back = await RenewedAsync(Options() with { Token = await TokenAsync(member: null) });
        using (var client = Client(back)) Assert.Empty(await OwnAsync(client));
        Advance(TimeSpan.FromHours(30));
        Directory.Delete(_folder["identity"], recursive: true);

        var refused = await Assert.ThrowsAsync<ApiStatusException>(async () => await JoinAsync(Options() with { Token = await TokenAsync(member: null) }));
        Assert.Contains("a member has this name; use a token made for it", refused.Message, StringComparison.Ordinal);
        await JoinAsync(Options() with { Token = await TokenAsync() });
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task A_first_join_with_another_clock_is_not_refused_for_good(int days)
    {
        var fault = await Assert.ThrowsAsync<IdentityException>(async () => await JoinAsync(Options() with { Token = await TokenAsync(), Time = new ManualTimeProvider(Start + TimeSpan.FromDays(days)) }));
        Assert.True(fault.MayPass);
        Assert.Contains("do the clocks agree? The token was not sent", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_there_is_unreachable()
    {
        var options = Options() with { Token = await TokenAsync(), Server = new Uri("https://127.0.0.1:1") };
        await Assert.ThrowsAsync<ApiUnreachableException>(() => JoinAsync(options));
    }

    [Fact]
    public async Task A_join_whose_answer_was_lost_is_made_again_with_the_same_key()
    {
        var token = await TokenAsync(member: null);
        await Assert.ThrowsAsync<ApiUnreachableException>(() => JoinAsync(Options() with { Token = token, Server = new Uri("https://127.0.0.1:1") }));
        var key = await File.ReadAllTextAsync(this["key.pem.next"], Cancellation);
        await JoinAsync(Options() with { Token = token });
        Assert.Equal(key, await File.ReadAllTextAsync(this["key.pem"], Cancellation));
    }

    [Theory]
    [InlineData("cert.pem")]
    [InlineData("key.pem")]
    [InlineData("ca.pem")]
    public async Task A_damaged_identity_is_named_and_a_token_heals_it(string file)
    {
        await JoinAsync(Options() with { Token = await TokenAsync() });
        var text = await File.ReadAllTextAsync(this[file], Cancellation);
        await File.WriteAllTextAsync(this[file], text[..(text.Length / 2)], Cancellation);
        var fault = await Assert.ThrowsAsync<IdentityFileException>(() => JoinAsync(Options()));
        Assert.Equal(this[file], fault.Path);
        await JoinAsync(Options() with { Token = await TokenAsync() });
        await JoinAsync(Options());
    }

    [Fact]
    public async Task A_stop_between_certificate_and_key_leaves_the_new_identity_usable()
    {
        await JoinAsync(Options() with { Token = await TokenAsync() });
        File.Move(this["key.pem"], this["key.pem.next"]);
        using (var older = ECDsa.Create(ECCurve.NamedCurves.nistP256)) await File.WriteAllTextAsync(this["key.pem"], older.ExportPkcs8PrivateKeyPem(), Cancellation);
        var member = await JoinAsync(Options());
        using var client = Client(member);
        Assert.Empty(await OwnAsync(client));
        Assert.False(File.Exists(this["key.pem.next"]));
    }

    [Fact]
    public async Task It_renews_at_two_thirds_of_its_life_under_a_new_key_and_clients_take_it_up()
    {
        var member = await JoinAsync(Options() with { Token = await TokenAsync() });
        var first = member.Current.Certificate!;
        var key = await File.ReadAllTextAsync(this["key.pem"], Cancellation);
        using var client = Client(member);
        await OwnAsync(client);
        using var stop = new CancellationTokenSource();
        var running = member.RunAsync(stop.Token);
        await StepAsync(member, () => !ReferenceEquals(first, member.Current.Certificate));
        await stop.CancelAsync();
        await running;

        var life = first.NotAfter - first.NotBefore;
        Assert.InRange(_time.GetUtcNow().UtcDateTime - first.NotBefore.ToUniversalTime(), life * 0.61, life * 0.73);
        Assert.NotEqual(key, await File.ReadAllTextAsync(this["key.pem"], Cancellation));
        Assert.Equal(member.Current.Certificate!.SerialNumber, (await JoinAsync(Options())).Current.Certificate!.SerialNumber);
        Advance(TimeSpan.FromHours(10));
        Assert.True(_time.GetUtcNow().UtcDateTime > first.NotAfter.ToUniversalTime());
        Assert.Empty(await OwnAsync(client));
    }

    [Fact]
    public async Task While_the_server_is_away_it_keeps_trying_and_then_renews()
    {
        var member = await JoinAsync(Options() with { Token = await TokenAsync() });
        var first = member.Current.Certificate!;
        var elsewhere = await MemberCredentials.JoinOrLoadAsync(Options() with { Server = new Uri("https://127.0.0.1:1") }, Cancellation);
        using var stop = new CancellationTokenSource();
        var running = elsewhere.RunAsync(stop.Token);
        await StepAsync(elsewhere, () => elsewhere.LastFault is not null);
        Assert.Contains("127.0.0.1:1", elsewhere.LastFault, StringComparison.Ordinal);
        Assert.Equal(first.SerialNumber, elsewhere.Current.Certificate!.SerialNumber);
        await _time.TimerArmedAsync(left => left <= TimeSpan.FromSeconds(5) && left > TimeSpan.FromSeconds(2), "the pause before the next attempt");
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_cluster_renews_its_authority_under_the_same_key()
    {
        var options = Options() with { Role = EnrollmentProtocol.ClusterRole, Name = "c1", Token = await TokenAsync(EnrollmentProtocol.ClusterRole) };
        var cluster = await JoinAsync(options);
        var before = cluster.Authority!;
        using var stop = new CancellationTokenSource();
        var running = cluster.RunAsync(stop.Token);
        await StepAsync(cluster, () => !ReferenceEquals(before, cluster.Authority));
        await stop.CancelAsync();
        await running;
        Assert.Equal(before.Pin, cluster.Authority!.Pin);
        Assert.True(cluster.Authority.Certificate.NotAfter > before.Certificate.NotAfter);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var worker = cluster.Authority.IssueClient(new PublicKey(key), new UserInfo("system:worker:w9", [UserInfo.WorkersGroup]));
        Assert.True(CertificateCheck.IsSignedBy(worker, before.Certificate));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_identity_that_is_over_is_loaded_without_network_and_the_loop_replaces_it(bool withToken)
    {
        await JoinAsync(Options() with { Token = await TokenAsync() });
        await LeaseAsync();
        Advance(TimeSpan.FromDays(2));
        var options = Options() with { Token = withToken ? await TokenAsync(member: null) : null };
        var over = await JoinAsync(options with { Server = new Uri("https://127.0.0.1:1") });
        Assert.True(over.ExpiresAt < _time.GetUtcNow());
        var fresh = await RenewedAsync(options);
        Assert.True(fresh.ExpiresAt > _time.GetUtcNow());
        Assert.Equal(fresh.Current.Certificate!.SerialNumber, (await JoinAsync(Options())).Current.Certificate!.SerialNumber);
        using var client = Client(fresh);
        Assert.Empty(await OwnAsync(client));
    }

    [Fact]
    public async Task An_identity_that_is_over_waits_for_a_server_that_is_away_with_pauses_that_stay_short()
    {
        await JoinAsync(Options() with { Token = await TokenAsync() });
        Advance(TimeSpan.FromDays(2));
        var alone = await JoinAsync(Options() with { Server = new Uri("https://127.0.0.1:1"), Token = await TokenAsync() });
        using var stop = new CancellationTokenSource();
        var running = alone.RunAsync(stop.Token);
        for (var i = 0; i < 5; i++)
        {
            await _time.TimerArmedAsync(left => left <= TimeSpan.FromSeconds(5) && left > TimeSpan.FromSeconds(2), "the pause before the next attempt");
            Assert.False(running.IsCompleted);
            Advance(_time.Armed[0]);
        }

        Assert.Contains("127.0.0.1:1", alone.LastFault, StringComparison.Ordinal);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task An_identity_that_is_not_yet_valid_is_loaded_and_replaced_once_the_issuers_clock_is_right_too()
    {
        Advance(TimeSpan.FromDays(2));
        await JoinAsync(Options() with { Token = await TokenAsync() });
        await LeaseAsync();
        _time.JumpTo(Start);
        _serverTime.JumpTo(Start);

        var early = await JoinAsync(Options());
        Assert.True(new DateTimeOffset(early.Current.Certificate!.NotBefore) > _time.GetUtcNow());
        var now = await RenewedAsync(Options() with { Token = await TokenAsync() });
        Assert.True(new DateTimeOffset(now.Current.Certificate!.NotBefore) < _time.GetUtcNow());
    }

    [Fact]
    public void A_clusters_server_shows_a_certificate_also_when_the_clock_is_behind_its_authority()
    {
        using var authority = CertificateAuthority.CreateRoot("early", _time);
        _time.JumpTo(Start - TimeSpan.FromDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var server = authority.IssueServer(new PublicKey(key), ["localhost"]);
        Assert.Equal(authority.Certificate.NotBefore, server.NotBefore);
        Assert.Equal(TimeSpan.FromHours(24), server.NotAfter - server.NotBefore);
    }

    private async Task LeaseAsync()
    {
        var spec = new LeaseSpec { HolderIdentity = "w1", LeaseDurationSeconds = 15, RenewTime = _serverTime.GetUtcNow() };
        await _root.Server.Local.CreateAsync(new Lease { Metadata = new ObjectMeta { Name = "w1", Namespace = Worker.LeaseNamespace }, Spec = spec }, Cancellation);
    }

    /// <summary>Loads, and runs the loop until there is another certificate.</summary>
    private async Task<MemberCredentials> RenewedAsync(JoinOptions options)
    {
        var member = await JoinAsync(options);
        var before = member.Current;
        using var stop = new CancellationTokenSource();
        var running = member.RunAsync(stop.Token);
        await StepAsync(member, () => !ReferenceEquals(before, member.Current));
        await stop.CancelAsync();
        await running;
        return member;
    }

    private static Gatehouse.Api.Server.ApiServerOptions Enrolling(Gatehouse.Api.Server.ApiServerOptions options) => options with
    {
        Enrollment = new EnrollmentOptions { Roles = [EnrollmentProtocol.ClusterRole, EnrollmentProtocol.WorkerRole, EnrollmentProtocol.OperatorRole], LeaseNamespace = Worker.LeaseNamespace },
        ClientIssuers = null,
        Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
    };

    private static Task<MemberCredentials> JoinAsync(JoinOptions options) => MemberCredentials.JoinOrLoadAsync(options, Cancellation);

    private JoinOptions Options() => new()
    {
        Server = _root.Url,
        Directory = _folder["identity"],
        Role = EnrollmentProtocol.WorkerRole,
        Name = "w1",
        Time = _time,
        Random = new Random(5),
    };

    private HttpObjectClient Client(MemberCredentials member) => new(new HttpObjectClientOptions { Server = _root.Url, Credentials = member, Time = _time });

    private Task<string> TokenAsync(string role = EnrollmentProtocol.WorkerRole, string? member = "same") =>
        _root.Server.JoinTokens!.CreateAsync(role, member == "same" ? (role == EnrollmentProtocol.ClusterRole ? "c1" : "w1") : member, null, Cancellation);

    /// <summary>What only a member of this name may ask for.</summary>
    private static async Task<IReadOnlyList<Interest>> OwnAsync(HttpObjectClient client) =>
        (await client.ListAsync<Interest>(new Selection(Fields: "spec.holder=w1"), Cancellation)).Items;

    private void Advance(TimeSpan by)
    {
        _serverTime.Advance(by);
        _time.Advance(by);
    }

    /// <summary>Lets the loop's timer fire again and again until something has happened. A request under way holds a timer of 10 s, which is not the loop's.</summary>
    private async Task StepAsync(MemberCredentials member, Func<bool> until)
    {
        var longest = TimeSpan.FromMinutes(10);
        for (var i = 0; i < 120 && !until(); i++)
        {
            await _time.TimerArmedAsync(left => left <= longest && left != TimeSpan.FromSeconds(10), "the timer of the renewal");
            if (!until()) Advance(_time.Armed[0]);
        }

        Assert.True(until(), $"{member.LastFault}; timers {string.Join(", ", _time.Armed)}");
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

/// <summary>Which servers a client talks to, and what it shows them.</summary>
public sealed class TrustTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_of_another_authority_gets_nothing_and_the_message_names_both()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var ours = CertificateAuthority.CreateRoot("ours", TimeProvider.System);
        using var client = server.Client(change: o => o with { Credentials = Only(ours) });
        var fault = await Assert.ThrowsAsync<ApiUnreachableException>(() => client.GetAsync<Interest>("a", Cancellation));
        Assert.Contains("does not come from the trusted authority (CN=ours)", fault.Message, StringComparison.Ordinal);
        Assert.Contains("CN=scripted", fault.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_server_of_an_authority_with_the_same_name_and_another_key_gets_nothing()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var twin = CertificateAuthority.CreateRoot("scripted", TimeProvider.System);
        using var client = server.Client(change: o => o with { Credentials = Only(twin) });
        await Assert.ThrowsAsync<ApiUnreachableException>(() => client.GetAsync<Interest>("a", Cancellation));
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_server_with_a_certificate_for_another_name_gets_nothing()
    {
        await using var server = await ScriptedServer.StartAsync(names: ["elsewhere.example", "10.9.9.9"]);
        using var client = server.Client();
        var fault = await Assert.ThrowsAsync<ApiUnreachableException>(() => client.GetAsync<Interest>("a", Cancellation));
        Assert.Contains("is for another name: elsewhere.example, 10.9.9.9", fault.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task The_name_that_the_certificate_must_carry_can_be_given()
    {
        await using var server = await ScriptedServer.StartAsync(names: ["root.example"]);
        server.Answer(200, Json(Interest("a", 1)));
        using var client = server.Client(change: o => o with { Credentials = new FixedCredentials(new ApiCredentials { Trust = o.Credentials.Current.Trust, ServerName = "root.example" }) });
        Assert.NotNull(await client.GetAsync<Interest>("a", Cancellation));
    }

    [Theory]
    [InlineData(-30)]
    [InlineData(2)]
    public async Task A_certificate_that_does_not_hold_now_is_refused_and_both_times_are_named(int daysFromNow)
    {
        await using var server = await ScriptedServer.StartAsync(life: TimeSpan.FromDays(1));
        var time = new ManualTimeProvider(DateTimeOffset.UtcNow.AddDays(daysFromNow));
        using var client = server.Client(time);
        var fault = await Assert.ThrowsAsync<ApiUnreachableException>(() => client.GetAsync<Interest>("a", Cancellation));
        Assert.Contains($"the clock here says {time.GetUtcNow():u}", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_certificate_does_for_no_server()
    {
        using var authority = CertificateAuthority.CreateRoot("ours", TimeProvider.System);
        using var member = Member(authority, "w1");
        var trust = new ServerTrust([authority.Certificate], TimeProvider.System);
        Assert.False(trust.Accept(this, member, null, System.Net.Security.SslPolicyErrors.None));
        Assert.NotNull(trust.Fault);
        Assert.False(trust.Accept(this, null, null, System.Net.Security.SslPolicyErrors.RemoteCertificateNotAvailable));
        Assert.Equal("the server shows no certificate", trust.Fault);
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_renewed_certificate_is_shown_from_the_next_request_on_and_what_runs_goes_on()
    {
        using var authority = CertificateAuthority.CreateRoot("ours", TimeProvider.System);
        await using var server = await ScriptedServer.StartAsync(authority);
        using var old = Member(authority, "w1");
        using var renewed = Member(authority, "w1");
        var source = new Changing(Credentials(authority, old));
        using var client = server.Client(change: o => o with { Credentials = source });
        server.Otherwise = c => ScriptedServer.WriteAsync(c, 200, Json(Interest("a", 1)));
        await using var events = client.WatchAsync<Interest>(Selection.All, "1", Cancellation).GetAsyncEnumerator(Cancellation);
        var first = events.MoveNextAsync();
        var watch = await server.NextWatchAsync();
        var answered = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        server.Answer(async context =>
        {
            asked.SetResult();
            await answered.Task;
            await ScriptedServer.WriteAsync(context, 200, Json(Interest("slow", 1)));
        });
        var underWay = client.GetAsync<Interest>("slow", Cancellation);
        await asked.Task.WaitAsync(Cancellation);

        source.Current = Credentials(authority, renewed);
        await client.GetAsync<Interest>("b", Cancellation);
        answered.SetResult();
        await watch.SendAsync(Line("ADDED", Interest("w", 2)));

        Assert.Equal("slow", (await underWay)!.Metadata.Name);
        Assert.True(await first);
        Assert.Equal([old.SerialNumber, old.SerialNumber, renewed.SerialNumber], server.ClientSerials);
        await client.GetAsync<Interest>("c", Cancellation);
        Assert.Equal(renewed.SerialNumber, server.ClientSerials.Last());
    }

    [Fact]
    public async Task No_request_is_lost_while_certificates_change_all_the_time()
    {
        using var authority = CertificateAuthority.CreateRoot("ours", TimeProvider.System);
        await using var server = await ScriptedServer.StartAsync(authority);
        server.Otherwise = c => ScriptedServer.WriteAsync(c, 200, Json(Interest("a", 1)));
        var certificates = Enumerable.Range(0, 4).Select(_ => Member(authority, "w1")).ToList();
        var source = new Changing(Credentials(authority, certificates[0]));
        using var client = server.Client(change: o => o with { Credentials = source });
        var done = 0;
        var calls = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                await client.GetAsync<Interest>("a", Cancellation);
                if (Interlocked.Increment(ref done) % 20 == 0) source.Current = Credentials(authority, certificates[done % 4]);
            }
        }));
        await Task.WhenAll(calls);
        Assert.Equal(400, server.Requests.Count);
        certificates.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_bearer_token_is_sent()
    {
        await using var server = await ScriptedServer.StartAsync();
        string? shown = null;
        server.Answer(c =>
        {
            shown = c.Request.Headers.Authorization;
            return ScriptedServer.WriteAsync(c, 200, Json(Interest("a", 1)));
        });
        using var client = server.Client(change: o => o with { Credentials = new FixedCredentials(new ApiCredentials { Trust = o.Credentials.Current.Trust, BearerToken = "abc" }) });
        await client.GetAsync<Interest>("a", Cancellation);
        Assert.Equal("Bearer abc", shown);
    }

    private static FixedCredentials Only(CertificateAuthority authority) => new(new ApiCredentials { Trust = [authority.Certificate] });

    private static ApiCredentials Credentials(CertificateAuthority authority, X509Certificate2 certificate) =>
        new() { Trust = [authority.Certificate], Certificate = certificate };

    private static X509Certificate2 Member(CertificateAuthority authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = authority.IssueClient(new PublicKey(key), new UserInfo(UserInfo.WorkerPrefix + name, [UserInfo.WorkersGroup]));
        return bare.CopyWithPrivateKey(key);
    }

    private sealed class Changing(ApiCredentials first) : ICredentialSource
    {
        private volatile ApiCredentials _current = first;

        public ApiCredentials Current
        {
            get => _current;
            set => _current = value;
        }
    }
}

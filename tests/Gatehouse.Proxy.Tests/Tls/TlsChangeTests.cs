using System.Security.Cryptography;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tls;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Tls;

/// <summary>One configuration after the other: what stays, what is made anew, what is freed, and which sessions are resumed.</summary>
public sealed class TlsChangeTests : IDisposable
{
    private readonly TlsBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Of_many_certificates_one_that_changes_is_made_anew_and_no_other()
    {
        const int hosts = 200;
        var certificates = Enumerable.Range(0, hosts).Select(i => _bench.Issue($"h{i}.example")).ToArray();
        var config = new ProxyConfig
        {
            Certificates = [.. certificates],
            VirtualHosts = [.. certificates.Select(c => TlsBench.Host(c.Name, c.Name))],
            Listeners = [TlsBench.Https(new(), "v4"), TlsBench.Https(new(), "v6"), TlsBench.Https(new() { DefaultCertificate = "h0.example" }, "other") with { Protocol = ListenerProtocol.Tls }],
        };
        var first = _bench.Compile(config);
        Assert.Empty(first.Faults);

        // Listeners with equal settings share them.
        Assert.Equal(hosts, _bench.Compiler.Contexts);
        Assert.Same(first.Listener("v4")!.Find("h1.example"u8), first.Listener("v6")!.Find("h1.example"u8));

        // Texts of their own, as a file that is read again has.
        var again = certificates.Select(c => c with { Chain = new string(c.Chain.AsSpan()), Key = new string(c.Key.AsSpan()) }).ToArray();
        again[7] = _bench.Issue("h7.example");
        var second = _bench.Compile(config with { Certificates = [.. again] });
        for (var i = 0; i < hosts; i++)
        {
            var name = System.Text.Encoding.ASCII.GetBytes($"h{i}.example");
            Assert.Equal(i != 7, first.Listener("v4")!.Find(name) == second.Listener("v4")!.Find(name));
        }

        Assert.Same(first.Listener("other"), second.Listener("other"));
        Assert.NotSame(first.Listener("v4"), second.Listener("v4"));
        Assert.Equal(hosts + 1, _bench.Compiler.Contexts);
        first.Dispose();
        Assert.Equal(hosts, _bench.Compiler.Contexts);
        Assert.True(_bench.Meet(second.Listener("v4"), _bench.Client("h7.example")).Established);
        second.Dispose();
        Assert.Equal(0, _bench.Compiler.Contexts);
    }

    [Fact]
    public void What_does_not_concern_a_listener_leaves_its_state()
    {
        var config = Simple(new());
        var first = _bench.Compile(config);
        var second = _bench.Compile(config with { Upstreams = [new UpstreamGroup { Name = "new" }], VirtualHosts = [.. config.VirtualHosts, TlsBench.Host(null, "elsewhere") with { Listeners = ["other"] }] });
        Assert.Same(first.Listener("web"), second.Listener("web"));
        first.Dispose();
        Assert.True(_bench.Meet(second.Listener("web"), _bench.Client("a.example")).Established);
    }

    [Fact]
    public void A_handshake_that_began_ends_with_what_it_began_with()
    {
        var config = Simple(new());
        var first = _bench.Compile(config);
        var met = _bench.Meet(first.Listener("web"), _bench.Client("a.example"), between: () =>
        {
            _bench.Compile(config with { Certificates = [_bench.Issue("default"), _bench.Issue("own-a", "renewed")] });
            first.Dispose();
            _bench.Compiler.Rotate(TlsBench.Start);
        });
        Assert.Equal((true, "own-a"), (met.Established, met.Shown));
        Assert.Throws<InvalidOperationException>(() => _bench.Meet(first.Listener("web"), _bench.Client("a.example")));
    }

    [Fact]
    public void The_process_key_is_renewed_and_the_one_before_still_decrypts()
    {
        var state = _bench.Compile(Simple(new())).Listener("web");
        var client = _bench.Client("a.example");
        var late = _bench.Client("a.example");
        Assert.False(_bench.Meet(state, client).Resumed);
        Assert.False(_bench.Meet(state, late).Resumed);
        for (var hours = 1; hours <= 36; hours++)
        {
            _bench.Compiler.Rotate(TlsBench.Start.AddHours(hours));
            if (hours % 6 == 0) Assert.True(_bench.Meet(state, client).Resumed);
        }

        Assert.False(_bench.Meet(state, late).Resumed);
    }

    [Fact]
    public void After_a_long_sleep_no_old_key_is_left()
    {
        var state = _bench.Compile(Simple(new())).Listener("web");
        var client = _bench.Client("a.example");
        Assert.False(_bench.Meet(state, client).Resumed);
        _bench.Compiler.Rotate(TlsBench.Start.AddHours(24));
        Assert.False(_bench.Meet(state, client).Resumed);
    }

    [Fact]
    public void Shared_keys_resume_on_another_machine_and_rotate_without_a_new_state()
    {
        var (old, next) = (Key(), Key());
        using var elsewhere = new TlsCompiler(TlsBench.Start);
        var config = Simple(new() { TicketKeys = [old] });
        var here = _bench.Compile(config);
        using var there = elsewhere.Compile(config);
        var client = _bench.Client("a.example");
        Assert.False(_bench.Meet(here.Listener("web"), client).Resumed);
        Assert.True(_bench.Meet(there.Listener("web"), client).Resumed);

        var rotated = _bench.Compile(Simple(new() { TicketKeys = [next, old] }, config));
        Assert.Same(here.Listener("web"), rotated.Listener("web"));
        Assert.True(_bench.Meet(rotated.Listener("web"), client).Resumed);

        // Its ticket has the next key now, which the other machine does not know yet.
        Assert.False(_bench.Meet(there.Listener("web"), client).Resumed);
        using var caughtUp = elsewhere.Compile(Simple(new() { TicketKeys = [next] }, config));
        Assert.False(_bench.Meet(caughtUp.Listener("web"), client).Resumed);
        Assert.True(_bench.Meet(rotated.Listener("web"), client).Resumed);
    }

    [Fact]
    public void Nothing_is_resumed_where_it_is_switched_off()
    {
        var state = _bench.Compile(Simple(new() { Resumption = false, TicketKeys = [Key()] })).Listener("web");
        var client = _bench.Client("a.example");
        Assert.False(_bench.Meet(state, client).Resumed);
        Assert.False(_bench.Meet(state, client).Resumed);
    }

    [Fact]
    public void Bad_keys_leave_the_former_ones()
    {
        var config = Simple(new() { TicketKeys = [Key()] });
        var first = _bench.Compile(config);
        var client = _bench.Client("a.example");
        Assert.False(_bench.Meet(first.Listener("web"), client).Resumed);
        var second = _bench.Compile(Simple(new() { TicketKeys = [Key(), "AAAA"] }, config));
        Assert.StartsWith("listener 'web': tls.ticketKeys[1]: not 80 bytes in base64", Assert.Single(second.Faults).ToString(), StringComparison.Ordinal);
        Assert.True(_bench.Meet(second.Listener("web"), client).Resumed);
    }

    [Fact]
    public async Task Threads_shake_hands_while_configurations_change()
    {
        var certificates = Enumerable.Range(0, 20).Select(i => _bench.Issue($"h{i}.example")).ToArray();
        var config = new ProxyConfig
        {
            Certificates = [.. certificates],
            VirtualHosts = [.. certificates.Select(c => TlsBench.Host(c.Name, c.Name))],
            Listeners = [TlsBench.Https(new())],
            Upstreams = [TlsBench.Group(new() { Authorities = _bench.Authority.Pem })],
        };
        var current = _bench.Compiler.Compile(config);
        var ended = false;
        var loops = Enumerable.Range(0, 3).Select(loop => Task.Factory.StartNew(
            () =>
            {
                var (met, resumed) = (0, 0);
                while (!Volatile.Read(ref ended) || met < 50)
                {
                    var snapshot = Volatile.Read(ref current);
                    var peer = snapshot.Upstream("app")!.Peer(0, System.Text.Encoding.ASCII.GetBytes($"h{met % 20}.example"))!;
                    Meeting meeting;
                    try
                    {
                        meeting = TlsBench.Meet(snapshot.Listener("web")!.Context, peer);
                    }
                    catch (InvalidOperationException)
                    {
                        // Replaced between the look at it and its use: the next look finds the present one.
                        continue;
                    }

                    if (!meeting.Established) throw new InvalidOperationException($"{meeting.ServerFault} / {meeting.ClientFault}");
                    met++;
                    if (meeting.Resumed) resumed++;
                }

                return (met, resumed);
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        for (var change = 0; change < 60; change++)
        {
            var changed = certificates.ToArray();
            changed[change % 20] = _bench.Issue($"h{change % 20}.example");
            var upstream = new UpstreamTls { Authorities = _bench.Authority.Pem, MinVersion = change % 2 == 0 ? TlsVersion.Tls13 : TlsVersion.Tls12 };
            var former = Interlocked.Exchange(ref current, _bench.Compiler.Compile(config with { Certificates = [.. changed], Upstreams = [TlsBench.Group(upstream)] }));
            former.Dispose();
            _bench.Compiler.Rotate(TlsBench.Start.AddHours(change));
        }

        Volatile.Write(ref ended, true);
        var results = await Task.WhenAll(loops).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.All(results, r => Assert.InRange(r.met, 50, int.MaxValue));
        Assert.Contains(results, r => r.resumed > 0);
        current.Dispose();
        Assert.Equal(0, _bench.Compiler.Contexts);
    }

    private static string Key() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(TlsTicketKeys.KeyBytes));

    private ProxyConfig Simple(ListenerTls tls, ProxyConfig? like = null) => (like ?? new ProxyConfig
    {
        Certificates = [_bench.Issue("default"), _bench.Issue("own-a")],
        VirtualHosts = [TlsBench.Host("own-a", "a.example")],
    }) with
    { Listeners = [TlsBench.Https(tls with { DefaultCertificate = "default" })] };
}

using System.Collections.Concurrent;
using System.Net.Sockets;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Client;

/// <summary>An API server goes away without a word and comes back: how long its clients' mirrors take, and what they cost meanwhile.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private const int Mirrors = 5;
    private readonly ManualTimeProvider _serverTime = new();
    private readonly ManualTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Informer<Worker>> _mirrors = [];
    private CertificateAuthority _root = null!;
    private MemoryStore _store = null!;
    private TestApi _api = null!;
    private HttpObjectClient _client = null!;
    private readonly List<TestApi> _apis = [];
    private readonly ConcurrentBag<Socket> _sockets = [];
    private int _port;
    private int _attempts;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _root = CertificateAuthority.CreateRoot("test root", _serverTime);
        _store = new MemoryStore(_serverTime);
        await StartAsync();
        _client = new HttpObjectClient(_api.ClientOptions(TestApi.Operator) with { Connect = ConnectAsync });
        for (var i = 0; i < Mirrors; i++) _mirrors.Add(new Informer<Worker>(_client, Selection.All, new InformerOptions { Time = _time, Random = new Random(i) }));
        foreach (var mirror in _mirrors) _ = mirror.RunAsync(_stop.Token);
        await CreateAsync("before");
        await ShowAsync("before");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var mirror in _mirrors) await mirror.DisposeAsync();
        _client.Dispose();
        foreach (var api in _apis) await api.DisposeAsync();
        await _store.DisposeAsync();
        _root.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task After_forty_seconds_away_all_mirrors_are_back_with_the_first_that_finds_the_server()
    {
        await KillAsync();
        await AwayAsync(TimeSpan.FromSeconds(40));
        var attempts = _attempts;

        await StartAsync();
        await CreateAsync("after");
        var pause = await PauseAsync();
        _time.Advance(pause);

        // The clock stands from here on: nobody waits for a pause of its own.
        await ShowAsync("after");
        Assert.InRange(pause, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.InRange(attempts, 8, 70);
        Assert.False(_client.Contact.IsLost);
    }

    [Fact]
    public async Task Any_answer_to_the_client_brings_all_mirrors_back_at_once()
    {
        await KillAsync();
        await AwayAsync(TimeSpan.FromSeconds(40));

        await StartAsync();
        await CreateAsync("after");
        Assert.NotNull(await _client.GetAsync<Worker>("after", Ct));

        await ShowAsync("after");
    }

    [Fact]
    public async Task A_refusal_is_no_sign_of_an_outage()
    {
        await Assert.ThrowsAsync<ApiStatusException>(() => _client.UpdateAsync(new Worker { Metadata = new ObjectMeta { Name = "nobody" } }, Ct));

        Assert.False(_client.Contact.IsLost);
    }

    /// <summary>As <c>kill -9</c> does: connections are reset in the middle of what they carry, and nobody listens any more.</summary>
    private async Task KillAsync()
    {
        _port = 1;
        foreach (var socket in _sockets) socket.Close(0);
        await _api.Server.DisposeAsync();
    }

    /// <summary>Lets the time pass in which nobody answers; ends when every mirror waits.</summary>
    private async Task AwayAsync(TimeSpan away)
    {
        var end = _time.GetUtcNow() + away;
        for (var pause = await PauseAsync(); _time.GetUtcNow() < end; pause = await PauseAsync())
        {
            Assert.InRange(pause, TimeSpan.Zero, TimeSpan.FromSeconds(5));
            _time.Advance(pause);
        }
    }

    /// <summary>Until the next attempt of any mirror, when all wait: they have no other timers. Mostly it is that of the one that tries for all.</summary>
    private async Task<TimeSpan> PauseAsync()
    {
        for (var patience = 0; _time.Armed.Count < Mirrors; patience++)
        {
            Assert.InRange(patience, 0, 20_000);
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct);
        }

        return _time.Armed.Min();
    }

    private async Task StartAsync()
    {
        _api = await TestApi.CreateAsync(_serverTime, (options, _) => options, _store, _root);
        _apis.Add(_api);
        await _api.ListenAsync();
        _port = _api.Url.Port;
    }

    /// <summary>The server's port is another one after each start; a port where nobody listens refuses as it does in the world.</summary>
    private async ValueTask<Stream> ConnectAsync(System.Net.DnsEndPoint server, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _attempts);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(System.Net.IPAddress.Loopback, _port, cancellation);
            _sockets.Add(socket);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private Task CreateAsync(string name) =>
        _api.Local.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "198.51.100.1" } }, Ct);

    private async Task ShowAsync(string name)
    {
        foreach (var mirror in _mirrors)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            patience.CancelAfter(TimeSpan.FromSeconds(20));
            await foreach (var change in mirror.ChangesAsync(patience.Token))
            {
                if (change.Object?.Metadata.Name == name) break;
            }
        }
    }
}

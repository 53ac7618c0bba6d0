using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;
using Gatehouse.Cluster;
using Gatehouse.Cluster.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Gateway.Tests;

/// <summary>
/// A gateway role on a worker whose subnetwork lies in loopback's range, so that its internal addresses are there, with a real cluster API server and the cluster's part.
/// </summary>
internal sealed class RoleBench : IAsyncDisposable
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly TemporaryDirectory _state = new();
    private readonly MemoryStore _store;
    private readonly CertificateAuthority _root;
    private CancellationTokenSource _stopCluster = new();
    private CancellationTokenSource _stopRole = new();
    private ClusterGateways? _gateways;
    private Task _cluster = Task.CompletedTask;
    private Task _role = Task.CompletedTask;
    private HttpObjectClient? _objects;
    private GatewayClient? _client;

    private RoleBench()
    {
        _store = new MemoryStore(Time);
        _root = CertificateAuthority.CreateRoot("test root", Time);
        Tokens.Add("a-token-of-an-operator", TestApi.Operator, Time.GetUtcNow().AddHours(1));
        Tokens.Add("a-token-of-a-reader", new UserInfo("reader", ["readers"]), null);
        foreach (var table in new[] { "tcp", "tcp6", "udp", "udp6" }) Sockets(table);
    }

    public ManualTimeProvider Time { get; } = new();

    public BearerTokens Tokens { get; } = new();

    public TestApi Api { get; private set; } = null!;

    public GatewayRole Role { get; private set; } = null!;

    /// <summary>With a gateway host, its worker and a service; the role runs and the gateway is ready.</summary>
    public static async Task<RoleBench> StartAsync(string subnetwork = "127.77.0.0/26")
    {
        var bench = new RoleBench();
        await bench.StartClusterAsync();
        await bench.DeclareAsync(subnetwork);
        bench.StartRole();
        return bench;
    }

    public async Task StartClusterAsync()
    {
        _stopCluster = new CancellationTokenSource();
        CertificateAuthority? authority = null;
        await using var role = new ClusterRole(new ClusterOptions { Name = "c1" }, null, Time, NullLoggerFactory.Instance);
        Api = await TestApi.CreateAsync(
            Time,
            (options, a) =>
            {
                authority = a;
                return options with { Admissions = ClusterGateways.Admissions("c1"), Authorizer = role.Authorizer, MapEndpoints = e => _gateways!.Map(e) };
            },
            _store,
            _root);
        _gateways = new ClusterGateways(new GatewayOptions { Cluster = "c1", Authority = () => authority }, Api.Local, null, Time, NullLoggerFactory.Instance);
        await Api.ListenAsync();
        _cluster = _gateways.RunAsync(_stopCluster.Token);
    }

    public async Task StopClusterAsync()
    {
        await _stopCluster.CancelAsync();
        await _cluster.ContinueWith(_ => { }, TaskScheduler.Default);
        _gateways?.Dispose();
        await Api.DisposeAsync();
        _stopCluster.Dispose();
    }

    public void StartRole()
    {
        var identity = TestApi.Worker("w1");
        var credentials = Api.Credentials(identity);
        var options = Api.ClientOptions(identity) with { Credentials = credentials };
        _stopRole = new CancellationTokenSource();
        _objects = new HttpObjectClient(options);
        _client = new GatewayClient(options);
        Role = new GatewayRole(
            new GatewayRoleOptions { Worker = "w1", StateDirectory = _state.Path, ManagementPort = 0, Tokens = Tokens, SocketTables = Path.Combine(_state.Path, "sockets") },
            _objects,
            _client,
            credentials,
            Time,
            NullLoggerFactory.Instance);
        _role = Role.RunAsync(_stopRole.Token);
    }

    public async Task StopRoleAsync()
    {
        await _stopRole.CancelAsync();
        await _role;
        await Role.DisposeAsync();
        _client?.Dispose();
        _objects?.Dispose();
        _stopRole.Dispose();
    }

    /// <summary>Writes a socket table with TCP listeners, or unconnected UDP sockets, on every address.</summary>
    public void Sockets(string table, params int[] ports)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_state.Path, "sockets")).FullName;
        var any = table.EndsWith('6') ? new string('0', 32) : "00000000";
        var state = table.StartsWith("tcp", StringComparison.Ordinal) ? "0A" : "07";
        File.WriteAllText(Path.Combine(directory, table), "head\n" + string.Concat(ports.Select(p => $" 0: {any}:{p:X4} {any}:0000 {state} 0\n")));
    }

    public async Task<GatewayHost?> GatewayIsAsync(GatewayHostPhase phase)
    {
        var coming = Api.UntilAsync<GatewayHost>("gw", g => g?.Status?.Phase == phase);
        // An attempt of the gateway that came too early is made again after a pause, for which time has to go on.
        await Task.WhenAny(coming, Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System));
        if (phase == GatewayHostPhase.Ready) await Time.PassUntilAsync(coming);
        return await coming;
    }

    /// <summary>Where the management API listens; waits until it does on as many addresses.</summary>
    public async Task<Uri> ManagementAsync(bool ipv6 = false)
    {
        await Waiting.UntilAsync(() => Role.ManagementEndpoints.Count == 2, "the management API on both internal addresses");
        var endpoint = Role.ManagementEndpoints.Single(e => e.Address.AddressFamily == (ipv6 ? System.Net.Sockets.AddressFamily.InterNetworkV6 : System.Net.Sockets.AddressFamily.InterNetwork));
        return new Uri($"https://{endpoint}/");
    }

    public async Task<(HttpStatusCode Code, JsonNode Answer)> PostAsync(HttpClient client, string path, string body)
    {
        using var response = await client.PostAsync(path, TestApi.Json(body), Ct);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!);
    }

    public async Task SubnetworkAsync(string range) => await Api.Local.MergePatchAsync<Worker>(
        "w1",
        new JsonObject { ["status"] = new JsonObject { ["subnetwork"] = new JsonObject { ["index"] = 0, ["ipv4"] = range, ["ipv6"] = "::/120" } } }.ToJsonString(),
        "status",
        Ct);

    public async ValueTask DisposeAsync()
    {
        await StopRoleAsync();
        await StopClusterAsync();
        await _store.DisposeAsync();
        _state.Dispose();
    }

    private async Task DeclareAsync(string subnetwork)
    {
        foreach (var (name, address) in new[] { ("w1", "192.0.2.1"), ("w2", "192.0.2.2") })
        {
            var worker = await Api.Local.CreateAsync(
                new Worker { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "198.51.100.1", PublicAddresses = [address], Gateway = true } },
                Ct);
            var range = new SubnetworkRange(0, name == "w1" ? subnetwork : "127.78.0.0/26", "::/120");
            await Api.Local.UpdateStatusAsync(worker with { Status = new WorkerStatus { Phase = PresencePhase.Ready, Subnetwork = range } }, Ct);
        }

        var service = await Api.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "shop" } }, Ct);
        await Api.Local.UpdateStatusAsync(
            service with { Status = new FabricServiceStatus { Addresses = [new(BalancingPolicy.RoundRobin, "10.30.0.1", "fdff:2000::1")] } },
            Ct);
        await Api.Local.CreateAsync(
            new GatewayHost { Metadata = new ObjectMeta { Name = "gw" }, Spec = new GatewayHostSpec { Cluster = "c1", PublicAddresses = ["192.0.2.1", "192.0.2.2"] } },
            Ct);
    }
}

/// <summary>Waits for what has no event of its own.</summary>
internal static class Waiting
{
    public static async Task UntilAsync(Func<bool> reached, string what)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!reached())
        {
            if (TimeProvider.System.GetElapsedTime(deadline) > Patience.Limit) throw new TimeoutException($"not reached: {what}");
            await Task.Yield();
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Scale;

/// <summary>The workers' side: small clients that speak the API as nodes do, each with its own identity.</summary>
internal sealed class WorkerFleet : IAsyncDisposable
{
    private readonly string _directory;
    private readonly HttpClient[] _connections;
    private readonly int _perConnection;
    private readonly ConcurrentBag<Task> _watches = [];
    private readonly ConcurrentBag<TimeSpan> _times = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly int[] _touched = new int[ScaleComparison.Workers];
    private readonly TaskCompletionSource _allTouched = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _registered;
    private int _told;

    private WorkerFleet(string directory, HttpClient[] connections, int perConnection) => (_directory, _connections, _perConnection) = (directory, connections, perConnection);

    /// <summary>Workers that have a subnetwork.</summary>
    public int Registered => Volatile.Read(ref _registered);

    /// <summary>Watches that did not end.</summary>
    public int OpenWatches => _watches.Count(w => !w.IsCompleted);

    public TimeSpan Slowest => _times.Max();

    public TimeSpan Median => _times.Order().ElementAt(_times.Count / 2);

    public static Task<WorkerFleet> ConnectAsync(string directory, int perConnection)
    {
        var trust = Enumerable.Range(0, ScaleComparison.Clusters).Select(c => ScalePart.Authority(directory, ScalePart.NameOf(c))).ToArray();
        var count = perConnection == 1 ? ScaleComparison.Workers : ScaleComparison.Workers / perConnection;
        var connections = new HttpClient[count];
        for (var i = 0; i < count; i++) connections[i] = Connection(trust[i % ScaleComparison.Clusters], ScalePart.Address(directory, ScalePart.NameOf(i % ScaleComparison.Clusters)));
        return Task.FromResult(new WorkerFleet(directory, connections, perConnection));
    }

    /// <summary>Registers one worker and waits for its subnetwork on the watch that stays open.</summary>
    public async Task RegisterAsync(int worker, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var name = $"w{worker}";
        await SendAsync(worker, HttpMethod.Post, "/apis/gatehouse.dev/v1/workers", $$$"""{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"name":"{{{name}}}"},"spec":{"underlay":"{{{Underlay(worker)}}}"}}""", cancellation);
        await SendAsync(
            worker,
            HttpMethod.Post,
            $"/apis/coordination.k8s.io/v1/namespaces/{Worker.LeaseNamespace}/leases",
            $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{name}}}"},"spec":{"holderIdentity":"{{{name}}}","leaseDurationSeconds":3600}}""",
            cancellation);
        var leased = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _watches.Add(WatchAsync(worker, $"/apis/gatehouse.dev/v1/workers?watch=true&timeoutSeconds=3600&fieldSelector=metadata.name%3D{name}", line => See(worker, line, leased)));
        _watches.Add(WatchAsync(worker, $"/apis/gatehouse.dev/v1/interests?watch=true&timeoutSeconds=3600&fieldSelector=spec.holder%3D{name}", static _ => { }));
        await leased.Task.WaitAsync(TimeSpan.FromMinutes(2), cancellation);
        _times.Add(Stopwatch.GetElapsedTime(start));
        Interlocked.Increment(ref _registered);
    }

    /// <summary>Changes every worker at its cluster and counts those whose watch says so within a minute.</summary>
    public async Task<int> TouchAsync()
    {
        var clients = Enumerable.Range(0, ScaleComparison.Clusters).Select(c => ScalePart.Client(_directory, ScalePart.NameOf(c), ScalePart.Operator)).ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(0, ScaleComparison.Workers), new ParallelOptions { MaxDegreeOfParallelism = 128 }, async (w, ct) =>
            await clients[w % ScaleComparison.Clusters].MergePatchAsync<Worker>($"w{w}", """{"metadata":{"annotations":{"scale":"touched"}}}""", null, ct));
        await Task.WhenAny(_allTouched.Task, Task.Delay(TimeSpan.FromMinutes(1)));
        foreach (var client in clients) client.Dispose();
        return Volatile.Read(ref _told);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var connection in _connections) connection.Dispose();
        await Task.WhenAll(_watches.Select(w => w.ContinueWith(static _ => { }, TaskScheduler.Default)));
        _stop.Dispose();
    }

    private static HttpClient Connection(X509Certificate2 trust, Uri server) => new(new SocketsHttpHandler
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { trust }, RevocationMode = X509RevocationMode.NoCheck },
        },
        EnableMultipleHttp2Connections = false,
        MaxConnectionsPerServer = 1,
        ConnectTimeout = TimeSpan.FromMinutes(1),
    })
    {
        BaseAddress = server,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = Timeout.InfiniteTimeSpan,
    };

    // Workers of one connection have one cluster: worker w belongs to cluster w mod 16, connection c to cluster c mod 16.
    private HttpClient Of(int worker)
    {
        if (_perConnection == 1) return _connections[worker];
        var cluster = worker % ScaleComparison.Clusters;
        var inCluster = worker / ScaleComparison.Clusters;
        return _connections[inCluster / _perConnection * ScaleComparison.Clusters + cluster];
    }

    private async Task SendAsync(int worker, HttpMethod method, string path, string body, CancellationToken cancellation)
    {
        using var request = Request(worker, method, path);
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await Of(worker).SendAsync(request, cancellation);
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancellation)}");
    }

    private async Task WatchAsync(int worker, string path, Action<string> see)
    {
        using var request = Request(worker, HttpMethod.Get, path);
        using var answer = await Of(worker).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _stop.Token);
        answer.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(_stop.Token));
        while (await reader.ReadLineAsync(_stop.Token) is { } line) see(line);
    }

    private static HttpRequestMessage Request(int worker, HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, path) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ScalePart.Token(ScalePart.Worker(worker)));
        return request;
    }

    private void See(int worker, string line, TaskCompletionSource leased)
    {
        using var change = JsonDocument.Parse(line);
        if (!change.RootElement.TryGetProperty("object", out var value) || !value.TryGetProperty("metadata", out var metadata)) return;
        if (value.TryGetProperty("status", out var status) && status.TryGetProperty("subnetwork", out _)) leased.TrySetResult();
        if (!metadata.TryGetProperty("annotations", out _) || Interlocked.Exchange(ref _touched[worker], 1) != 0) return;
        if (Interlocked.Increment(ref _told) == ScaleComparison.Workers) _allTouched.TrySetResult();
    }

    private static string Underlay(int worker) => string.Create(CultureInfo.InvariantCulture, $"198.{18 + (worker >> 16)}.{(worker >> 8) & 255}.{worker & 255}");
}

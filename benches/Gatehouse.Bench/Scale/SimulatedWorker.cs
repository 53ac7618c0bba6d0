using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Scale;

/// <summary>
/// A worker as its cluster manager sees one: joins with a key of its own, registers, keeps its lease, lists and watches what a node does (its worker, its interests,
/// its instances, all peers). There is no overlay behind it.
/// </summary>
internal sealed class SimulatedWorker(int index, FleetOrder order, ClusterDoor door, FleetTally tally) : IDisposable
{
    private const string Group = "/apis/gatehouse.dev/v1";
    private const string Follow = "watch=1&allowWatchBookmarks=true&timeoutSeconds=7200";
    private static readonly string Leases = $"/apis/coordination.k8s.io/v1/namespaces/{Worker.LeaseNamespace}/leases";
    private readonly string _name = $"w{index / order.Clusters.Count:d5}";
    private readonly TaskCompletionSource<SubnetworkRange> _leased = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WorkerWire? _wire;
    private Lease? _lease;
    private int _peers;
    private long _heard;

    /// <summary>Null until root leased one and the cluster told.</summary>
    public SubnetworkRange? Subnetwork => _leased.Task.IsCompletedSuccessfully ? _leased.Task.Result : null;

    public bool IsComplete { get; private set; }

    /// <summary>Milliseconds that the registration took.</summary>
    public double Duration { get; private set; }

    /// <summary>Peers known by lists and events.</summary>
    public int Peers => Volatile.Read(ref _peers);

    /// <summary>When the mark was heard on the watch of peers; 0 for not yet.</summary>
    public long Heard
    {
        get => Volatile.Read(ref _heard);
        set => Volatile.Write(ref _heard, value);
    }

    /// <summary>Joins, registers, opens its watches, and waits for its subnetwork.</summary>
    public async Task RegisterAsync(CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        _wire = await JoinAsync(cancellation);
        await SendAsync(HttpMethod.Get, $"{Group}/workers/{_name}", null, cancellation);
        var address = new IPAddress([198, (byte)(18 + (index >> 16)), (byte)(index >> 8), (byte)index]);
        var worker = new Worker { ApiVersion = Worker.Info.ApiVersion, Kind = Worker.Info.Kind, Metadata = new ObjectMeta { Name = _name }, Spec = new WorkerSpec { Underlay = address.ToString() } };
        await PostAsync($"{Group}/workers", JsonSerializer.SerializeToUtf8Bytes(worker, Worker.Info.Json), cancellation);
        await RenewAsync(cancellation);
        await Task.WhenAll(
            FollowAsync("workers", $"fieldSelector=metadata.name%3D{_name}", OnWorker, OnWorker, cancellation),
            FollowAsync("interests", $"fieldSelector=spec.holder%3D{_name}", static _ => { }, static _ => { }, cancellation),
            FollowAsync("fabricinstances", $"fieldSelector=spec.worker%3D{_name}", static _ => { }, static _ => { }, cancellation),
            order.AllPeers ? FollowPeersAsync(cancellation) : Task.CompletedTask);
        await _leased.Task.WaitAsync(cancellation);
        Duration = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        IsComplete = true;
    }

    /// <summary>Renews the lease until cancelled.</summary>
    public async Task KeepAsync(CancellationToken cancellation)
    {
        var every = TimeSpan.FromSeconds(order.LeaseSeconds / 3.0);
        using var pace = new PeriodicTimer(every);
        while (await pace.WaitForNextTickAsync(cancellation))
        {
            var started = Stopwatch.GetTimestamp();
            await RenewAsync(cancellation);
            if (Stopwatch.GetElapsedTime(started) > every) tally.Late();
        }
    }

    public void Dispose() => _wire?.Dispose();

    private async Task<WorkerWire> JoinAsync(CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest("CN=member", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        var request = new JoinRequest(door.Cluster.Token, EnrollmentProtocol.WorkerRole, _name, csr);
        var body = JsonSerializer.SerializeToUtf8Bytes(request, EnrollmentJson.Default.JoinRequest);
        var answer = await tally.RetryAsync(() => door.Wire.SendAsync(HttpMethod.Post, EnrollmentProtocol.JoinPath, body, cancellation), cancellation);
        if (answer.Code != HttpStatusCode.OK) throw Refused(HttpMethod.Post, EnrollmentProtocol.JoinPath, answer);
        var issued = JsonSerializer.Deserialize(answer.Body, EnrollmentJson.Default.CertificateAnswer)!;
        using var certificate = X509Certificate2.CreateFromPem(issued.Certificate);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(issued.Chain);
        return new WorkerWire(door.Cluster.Server, door.Trust, certificate.CopyWithPrivateKey(key), chain, TimeSpan.FromSeconds(order.PingSeconds));
    }

    // As a node does it: reads the lease the first time, then writes what it holds.
    private async Task RenewAsync(CancellationToken cancellation)
    {
        var now = TimeProvider.System.GetUtcNow();
        var spec = (_lease?.Spec ?? new LeaseSpec { AcquireTime = now }) with { HolderIdentity = _name, RenewTime = now, LeaseDurationSeconds = order.LeaseSeconds };
        var next = (_lease ?? new Lease { ApiVersion = Lease.Info.ApiVersion, Kind = Lease.Info.Kind, Metadata = new ObjectMeta { Name = _name, Namespace = Worker.LeaseNamespace } }) with { Spec = spec };
        var body = JsonSerializer.SerializeToUtf8Bytes(next, Lease.Info.Json);
        var answer = _lease is null
            ? await PostAsync(Leases, body, cancellation)
            : await SendAsync(HttpMethod.Put, $"{Leases}/{_name}", body, cancellation);
        if ((int)answer.Code is not (200 or 201)) throw Refused(HttpMethod.Put, Leases, answer);
        _lease = JsonSerializer.Deserialize(answer.Body, Lease.Info.Json);
    }

    /// <summary>Lists, then opens the watch from there; reads it in the background.</summary>
    private async Task FollowAsync(string kind, string selector, LineHandler onItem, LineHandler onEvent, CancellationToken cancellation)
    {
        var list = await tally.RetryAsync(() => _wire!.SendAsync(HttpMethod.Get, $"{Group}/{kind}?{selector}", null, cancellation), cancellation);
        if (list.Code != HttpStatusCode.OK) throw Refused(HttpMethod.Get, kind, list);
        await WatchAsync(kind, selector, ObjectLists.Read(list.Body, onItem), onEvent, cancellation);
    }

    /// <summary>The same for all peers: a long list, of which the number alone is kept.</summary>
    private async Task FollowPeersAsync(CancellationToken cancellation)
    {
        var (revision, peers) = await tally.RetryAsync(
            async () =>
            {
                await using var list = await _wire!.OpenAsync($"{Group}/peers", cancellation);
                return await ItemCount.ReadAsync(list, Peer.Info.Kind, cancellation);
            },
            static _ => null,
            cancellation);
        Interlocked.Add(ref _peers, peers);
        await WatchAsync("peers", "", revision, OnPeer, cancellation);
    }

    private async Task WatchAsync(string kind, string selector, string revision, LineHandler onEvent, CancellationToken cancellation)
    {
        var body = await tally.RetryAsync(() => _wire!.OpenAsync($"{Group}/{kind}?{selector}&resourceVersion={revision}&{Follow}", cancellation), static _ => null, cancellation);
        tally.Begin(ReadAsync(kind, body, onEvent, cancellation));
    }

    private async Task ReadAsync(string kind, Stream body, LineHandler onEvent, CancellationToken cancellation)
    {
        try
        {
            await using (body) await WatchStream.ReadAsync(body, onEvent, cancellation);
            tally.Cut($"{_name}: the watch of {kind} was ended");
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            tally.Cut($"{_name}: the watch of {kind} was cut: {e.Message}");
        }

        IsComplete = false;
    }

    private void OnWorker(ReadOnlySpan<byte> line)
    {
        if (Subnetwork is not null || line.IndexOf("\"subnetwork\":"u8) < 0) return;
        var status = line.StartsWith("{\"type\":"u8) ? JsonDocument.Parse(line.ToArray()).RootElement.GetProperty("object") : JsonDocument.Parse(line.ToArray()).RootElement;
        if (JsonSerializer.Deserialize(status, Worker.Info.Json)?.Status?.Subnetwork is { } range) _leased.TrySetResult(range);
    }

    private void OnPeer(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("{\"type\":\"ADDED\""u8)) Interlocked.Increment(ref _peers);
        if (tally.Mark is { } mark && line.IndexOf(mark) >= 0) Interlocked.CompareExchange(ref _heard, Stopwatch.GetTimestamp(), 0);
    }

    private async Task<Answer> PostAsync(string path, byte[] body, CancellationToken cancellation)
    {
        var answer = await SendAsync(HttpMethod.Post, path, body, cancellation);
        if (answer.Code == HttpStatusCode.Created) return answer;
        // Made by an attempt whose answer was lost.
        if (answer.Code == HttpStatusCode.Conflict) answer = await SendAsync(HttpMethod.Get, $"{path}/{_name}", null, cancellation);
        return answer.Code == HttpStatusCode.OK ? answer : throw Refused(HttpMethod.Post, path, answer);
    }

    private Task<Answer> SendAsync(HttpMethod method, string path, byte[]? body, CancellationToken cancellation) =>
        tally.RetryAsync(() => _wire!.SendAsync(method, path, body, cancellation), cancellation);

    private InvalidOperationException Refused(HttpMethod method, string path, Answer answer) =>
        new($"{_name}: {method} {path}: {(int)answer.Code} {System.Text.Encoding.UTF8.GetString(answer.Body)}");
}

/// <summary>A line of a watch, or an item of a list.</summary>
internal delegate void LineHandler(ReadOnlySpan<byte> json);

/// <summary>A cluster as its workers come to it: the connection over which they join, and whom they trust.</summary>
internal sealed class ClusterDoor(FleetCluster cluster, TimeSpan pings) : IDisposable
{
    public FleetCluster Cluster { get; } = cluster;

    public ServerTrust Trust { get; } = new(cluster.AuthorityPem);

    public WorkerWire Wire => field ??= new WorkerWire(Cluster.Server, Trust, null, [], pings);

    public void Dispose() => Wire.Dispose();
}

/// <summary>Reads a list's answer without making objects of it.</summary>
internal static class ObjectLists
{
    /// <returns>The list's revision.</returns>
    public static string Read(ReadOnlySpan<byte> json, LineHandler onItem)
    {
        var reader = new Utf8JsonReader(json);
        var revision = "";
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isMeta, isItems) = (reader.ValueTextEquals("metadata"u8), reader.ValueTextEquals("items"u8));
            reader.Read();
            if (isMeta) revision = JsonElement.ParseValue(ref reader).GetProperty("resourceVersion").GetString()!;
            else if (isItems) ReadItems(ref reader, json, onItem);
            else reader.Skip();
        }

        return revision;
    }

    private static void ReadItems(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, LineHandler onItem)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            onItem(json[start..(int)reader.BytesConsumed]);
        }
    }
}

using System.Diagnostics;
using System.Net;
using Gatehouse.Bench.Store;
using Gatehouse.Linux;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>The services of the comparison, and its measurements one after the other.</summary>
/// <remarks>
/// Clients on worker1 and worker3, a server on worker2. worker1 knows ten services and worker3 all of them, so that the two can be compared in turn.
/// </remarks>
internal sealed class OverlayStage : IAsyncDisposable
{
    private const string Clients = "client";
    private const string Servers = "server";
    private const string Web = "web";
    private const int Services = 10_000;
    private const int Few = 10;
    private const int Cold = 200;
    private const int WarmBursts = 10;
    private const int Burst = 100;
    private readonly BenchContext _context;
    private readonly OverlayLab _lab;
    private readonly Population _population;
    private FabricService _server = null!;
    private FabricService _web = null!;
    private AddressPair _real = null!;
    private PlainPath? _plain;
    private int _next;

    private OverlayStage(BenchContext context, OverlayLab lab) => (_context, _lab, _population) = (context, lab, new(lab));

    public static async Task<OverlayStage> CreateAsync(BenchContext context, OverlayLab lab, CancellationToken cancellation)
    {
        var stage = new OverlayStage(context, lab);
        await lab.DeployAsync(Clients, ["worker1", "worker3"], ["sleep", "infinity"], cancellation);
        stage._server = await lab.DeployAsync(Servers, ["worker2"], ["sleep", "infinity"], cancellation);
        stage._web = await lab.DeployAsync(Web, ["worker2", "worker2", "worker3"], ["gatehouse", "demo"], cancellation);
        stage._real = (await lab.InstancesAsync(Servers, cancellation)).Single().Status!.NamespaceAddress!;
        return stage;
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var client = _lab.ProcessOf(Clients, 0);
        _plain = await PlainPath.CreateAsync(_lab.Switches, client, _lab.ProcessOf(Servers, 0), await MtuAsync(client, cancellation), cancellation);
        if (_context.Has("plain")) await AgainstPlainAsync(cancellation);
        if (_context.Only is "plain") return;
        await PopulateAsync(cancellation);
        await LearnAsync(cancellation);
        if (_context.Has("flat")) await FlatAsync(cancellation);
        if (_context.Has("first")) await FirstPacketsAsync();
        if (_context.Has("change")) await ChangesAsync(cancellation);
        if (_context.Has("kill")) await KillAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_plain is not null) await _plain.DisposeAsync();
    }

    private static async Task<int> MtuAsync(int client, CancellationToken cancellation)
    {
        var words = (await HostTool.RunAsync([.. HostTool.InNetworkOf(client), "ip", "-o", "link", "show", "up"], cancellation)).Split('\n')
            .Single(l => l.Contains("link/ether", StringComparison.Ordinal)).Split(' ').ToList();
        return int.Parse(words[words.IndexOf("mtu") + 1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private Way WayOf(string name, int client, string address) => new(name, _lab.ProcessOf(Clients, client), _lab.NetworkOf(Clients, client), address);

    private async Task AgainstPlainAsync(CancellationToken cancellation)
    {
        var rounds = _context.Quick ? 5 : 11;
        var seconds = _context.Quick ? 1 : 3;
        Way[] ways =
        [
            WayOf("plain VXLAN: to the namespace address, no NAT", 0, _real.Ipv4!),
            WayOf("through the service address", 0, _server.Status!.Addresses[0].Ipv4!),
            WayOf("bare VXLAN: hosts without tables and conntrack", 0, PlainPath.Server),
        ];
        Sample[] tcp;
        using (var iperf = await Throughput.StartAsync(_lab.ProcessOf(Servers, 0), cancellation))
        {
            foreach (var way in ways) await Throughput.MeasureAsync(way.Client, way.Address, 1, cancellation);
            tcp = await DataPathRounds.RunAsync(_context, "one TCP stream", "Gbit/s", rounds, ways, w => Throughput.MeasureAsync(w.Client, w.Address, seconds, cancellation));
        }

        using var acceptor = new Connections(_lab.NetworkOf(Servers, 0));
        foreach (var way in ways)
        {
            Connections.Prepare(way.Network);
            await Connections.MeasureAsync(way.Network, way.Address, TimeSpan.FromSeconds(0.3));
        }

        var connections = await DataPathRounds.RunAsync(_context, "new TCP connections", "/s", rounds, ways, w => Connections.MeasureAsync(w.Network, w.Address, TimeSpan.FromSeconds(seconds)));
        _context.Report.Figure("overlay.tcp_vs_vxlan", tcp[1].Rate, ">= 0.95");
        _context.Report.Figure("overlay.connections_vs_vxlan", connections[1].Rate, ">= 0.90");
        _context.Report.Figure("overlay.tcp_vs_vxlan_per_cpu", tcp[1].PerCpu);
        _context.Report.Figure("overlay.connections_vs_vxlan_per_cpu", connections[1].PerCpu);
        _context.Report.Figure("overlay.tcp_vs_bare_vxlan", tcp[1].Rate / tcp[2].Rate);
        _context.Report.Figure("overlay.connections_vs_bare_vxlan", connections[1].Rate / connections[2].Rate);
        _context.Report.Figure("overlay.connections_vs_bare_vxlan_per_cpu", connections[1].PerCpu / connections[2].PerCpu);
    }

    private async Task PopulateAsync(CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        var cost = await PerEachAsync(Services, () => _population.CreateAsync(Services, Answering, _real, cancellation), ("root", "root"), (OverlayLab.Cluster, "cluster"));
        var elapsed = Stopwatch.GetElapsedTime(started);
        _context.Report.Row("");
        _context.Report.Row($"{Services:n0} services declared at root, each with an instance, and resolved by the cluster manager after {elapsed.TotalSeconds:0.0} s; {cost}");
        _context.Report.Figure("overlay.services_declared_per_s", Services / elapsed.TotalSeconds);
    }

    private int Single => _context.Quick ? 200 : 1000;

    private int Bursts => _context.Quick ? 5 : 10;

    private int Answering => Few + Cold + Single + ((WarmBursts + Bursts) * Burst);

    /// <summary>Milliseconds of processor time that roles spend on each of many things: unlike the times on the clock they hardly depend on what else the machine does.</summary>
    private async Task<string> PerEachAsync(int count, Func<Task> act, params (string Host, string Role)[] roles)
    {
        var before = roles.Select(r => _lab.CpuSeconds(r.Host, r.Role)).ToArray();
        await act();
        return "processor time for each: " + string.Join(", ", roles.Select((r, i) => $"{r.Role} on {r.Host} {(_lab.CpuSeconds(r.Host, r.Role) - before[i]) * 1000 / count:0.00} ms"));
    }

    private IReadOnlyList<IPAddress> Unknown(int count)
    {
        _next += count;
        return [.. Enumerable.Range(_next - count, count).Select(n => _population[n])];
    }

    private async Task FirstPacketsAsync()
    {
        using var probe = new FirstPackets(_lab.NetworkOf(Clients, 0), _lab.NetworkOf(Servers, 0));
        (string, string)[] roles = [("worker1", "node"), (OverlayLab.Cluster, "cluster"), ("root", "root"), ("worker2", "node")];
        double[] cold = [], single = [], all = [];
        var coldCost = await PerEachAsync(Cold, () => Task.Run(() => cold = probe.OneByOne(Unknown(Cold))), roles);
        for (var burst = 0; burst < WarmBursts; burst++) await Task.Run(() => probe.AtOnce(Unknown(Burst)));
        await _lab.UntilQuietAsync(roles);
        var singleCost = await PerEachAsync(Single, () => Task.Run(() => single = probe.OneByOne(Unknown(Single))), roles);
        await _lab.UntilQuietAsync(roles);
        var burstCost = await PerEachAsync(Bursts * Burst, async () => all = await BurstsAsync(probe, roles), roles);
        _context.Report.Row("");
        _context.Report.Row("first packets to unknown service addresses, from send to answer over two workers");
        Tell($"the first {Cold}, one by one", cold);
        _context.Report.Row($"    {coldCost}");
        _context.Report.Row($"  after {WarmBursts * Burst} more, when the roles' compilers were quiet:");
        Tell($"{Single} one by one", single);
        _context.Report.Row($"    {singleCost}");
        Tell($"{Bursts} times {Burst} at once", all);
        _context.Report.Row($"    {burstCost}");
        _context.Report.Figure("overlay.first_packet_ms_p50", Statistics.Percentile(single, 0.5), "<= 4");
        _context.Report.Figure("overlay.first_packet_ms_p99", Statistics.Percentile(single, 0.99), "<= 15");
        _context.Report.Figure("overlay.burst100_ms_p99", Statistics.Percentile(all, 0.99), "<= 25");
        _context.Report.Figure("overlay.burst100_ms_p50", Statistics.Percentile(all, 0.5));
        _context.Report.Figure("overlay.first_packet_cold_ms_p50", Statistics.Percentile(cold, 0.5));
        _context.Report.Figure("overlay.first_packet_cold_ms_p99", Statistics.Percentile(cold, 0.99));
    }

    /// <summary>Each from rest, as bursts come: a worker that starts, an application that is deployed.</summary>
    private async Task<double[]> BurstsAsync(FirstPackets probe, (string, string)[] roles)
    {
        var all = new List<double>();
        for (var burst = 0; burst < Bursts; burst++)
        {
            await _lab.UntilQuietAsync(roles);
            all.AddRange(await Task.Run(() => probe.AtOnce(Unknown(Burst))));
        }

        return [.. all];
    }

    private void Tell(string what, double[] times) => _context.Report.Row(
        $"  {what,-24} p50 {Statistics.Percentile(times, 0.5),7:0.00} ms   p99 {Statistics.Percentile(times, 0.99),7:0.00} ms   worst {times.Max(),7:0.00} ms");

    /// <summary>worker3 asks for every service there is, by sending it a datagram.</summary>
    private async Task LearnAsync(CancellationToken cancellation)
    {
        using var probe = new FirstPackets(_lab.NetworkOf(Clients, 1), _lab.NetworkOf(Servers, 0));
        var started = Stopwatch.GetTimestamp();
        var sent = await Learning.RunAsync(_lab.Manager, "worker3", [.. Enumerable.Range(0, Services).Select(n => _population[n])], probe.Send, cancellation);
        var elapsed = Stopwatch.GetElapsedTime(started);
        _context.Report.Row("");
        _context.Report.Row($"worker3 learned {Services:n0} services from their first packets in {elapsed.TotalSeconds:0.0} s ({sent:n0} datagrams were sent)");
        _context.Report.Figure("overlay.services_learned_per_s", Services / elapsed.TotalSeconds);
    }

    private async Task FlatAsync(CancellationToken cancellation)
    {
        var rounds = _context.Quick ? 5 : 11;
        var seconds = _context.Quick ? 1 : 3;
        var address = _server.Status!.Addresses[0].Ipv4!;
        using (var probe = new FirstPackets(_lab.NetworkOf(Clients, 0), _lab.NetworkOf(Servers, 0))) probe.OneByOne(Unknown(Few - 1));
        Way[] ways = [WayOf($"from a worker that knows {Few}", 0, address), WayOf($"from a worker that knows {Services:n0}", 1, address)];
        Sample[] tcp;
        using (var iperf = await Throughput.StartAsync(_lab.ProcessOf(Servers, 0), cancellation))
        {
            foreach (var way in ways) await Throughput.MeasureAsync(way.Client, way.Address, 1, cancellation);
            tcp = await DataPathRounds.RunAsync(_context, $"one TCP stream, with {Few} and with {Services:n0} services in the maps", "Gbit/s", rounds, ways, w => Throughput.MeasureAsync(w.Client, w.Address, seconds, cancellation));
        }

        using var acceptor = new Connections(_lab.NetworkOf(Servers, 0));
        foreach (var way in ways) Connections.Prepare(way.Network);
        var connections = await DataPathRounds.RunAsync(_context, $"new TCP connections, with {Few} and with {Services:n0} services in the maps", "/s", rounds, ways, w => Connections.MeasureAsync(w.Network, w.Address, TimeSpan.FromSeconds(seconds)));
        _context.Report.Figure("overlay.flat_10000", tcp[1].Rate, ">= 0.95");
        _context.Report.Figure("overlay.connections_flat_10000", connections[1].Rate);
    }

    private async Task ChangesAsync(CancellationToken cancellation)
    {
        await _lab.UntilQuietAsync([("worker3", "node"), (OverlayLab.Cluster, "cluster"), ("root", "root")]);
        var known = Enumerable.Range(Answering, 100).ToArray();
        var delays = await ChangeDelay.MeasureAsync(_lab, _population, _lab.Network("worker3"), known, _context.Quick ? 400 : 1000, perSecond: 20, cancellation);
        ChangeDelay.Tell(_context, delays, Services);

        const int perSecond = 100;
        var duration = TimeSpan.FromSeconds(10);
        var place = (await _lab.InstancesAsync(Population.Name(known[0]), cancellation)).Single().Status!.NamespaceAddress!;
        using var events = new MapEvents(_lab.Network("worker3"));
        using var counted = new CancellationTokenSource();
        var counting = Task.Run(() => events.Count(_population[known[0]], counted.Token), cancellation);
        await using var requests = new Requests(_lab.NetworkOf(Clients, 1), _web.Status!.Addresses[0].Ipv4!);
        var made = await ChangeDelay.StormAsync(_population, known[0], place, perSecond, duration, cancellation);
        await requests.StopAsync();
        await counted.CancelAsync();
        _context.Report.Row($"{made} changes of another service in {duration.TotalSeconds:0} s, of which the maps took {await counting}: {requests.Count:n0} requests, {requests.Failed.Count} failed{Why(requests.Failed)}");
        _context.Report.Figure("overlay.change_errors", requests.Failed.Count, "= 0");
        _context.Report.Figure("overlay.changes_per_s", made / duration.TotalSeconds);
    }

    private async Task KillAsync(CancellationToken cancellation)
    {
        const int killed = 1;
        var name = FabricInstance.NameFor(Web, killed);
        await using var requests = new Requests(_lab.NetworkOf(Clients, 0), _web.Status!.Addresses[0].Ipv4!);
        await OverlayLab.UntilAsync("requests are answered", () => Task.FromResult(requests.Count > 200), cancellation);
        var before = requests.Failed.Count;
        var death = Stopwatch.GetTimestamp();
        using (var process = Process.GetProcessById(_lab.ProcessOf(Web, killed))) process.Kill();
        await _lab.Root.MergePatchAsync<FabricInstance>(name, """{"spec":{"undeploy":true}}""", null, cancellation);
        await OverlayLab.UntilAsync($"{name} is undeployed", async () => (await _lab.InstancesAsync(Web, cancellation)).Count == 2, cancellation);
        var undeployed = Stopwatch.GetTimestamp();
        var (asked, more) = (requests.Count, requests.Count + 600);
        await OverlayLab.UntilAsync("more requests are answered", () => Task.FromResult(requests.Count > more), cancellation);
        await requests.StopAsync();
        var lost = requests.Failed.Where(f => f.Begun >= undeployed).ToArray();
        var between = requests.Failed.Where(f => f.Begun < undeployed).ToArray();
        _context.Report.Row("");
        _context.Report.Row($"one of three replicas is killed and undeployed, which takes {Stopwatch.GetElapsedTime(death, undeployed).TotalSeconds:0.0} s: {between.Length} of the requests until then failed{Why(between)} "
            + $"({before} before the death); of {requests.Count - asked:n0} after it {lost.Length} failed{Why(lost)}");
        if (between.Length > 0) _context.Report.Row($"  the last that failed began {Stopwatch.GetElapsedTime(death, between.Max(f => f.Begun)).TotalMilliseconds:0} ms after the death");
        _context.Report.Figure("overlay.kill_replica_errors", lost.Length, "= 0");
        _context.Report.Figure("overlay.kill_replica_errors_before_undeployed", between.Length);
    }

    private static string Why(IReadOnlyCollection<FailedRequest> failed) =>
        failed.Count == 0 ? "" : $" ({string.Join(", ", failed.GroupBy(f => f.Why).Select(g => $"{g.Key} {g.Count()} times"))})";
}

using Gatehouse.Bench.Proxy.Load;

namespace Gatehouse.Bench.Proxy;

/// <summary>What a request costs a proxy in processor time.</summary>
internal sealed record RequestCost
{
    // The runtime counts calls, waits until nothing new is called for 100 ms, and then compiles anew in the background, in steps; that is the engine's own processor time and has to be over.
    private const int WarmUps = 4;
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(250);
    private const int Looks = 8; // A log may be written a moment later.
    private const int DifferentQuestions = 4_096;

    private static readonly IReadOnlyList<RequestCost> All =
    [
        new() { Name = "http1", Title = "100-byte bodies, 64 connections", Requests = 40_000, HaproxyBar = 0.85, NginxBar = 0.95 },
        new() { Name = "logged", Title = "the same with a log line for each, in a file", Requests = 40_000, Log = true, HaproxyBar = 0.80 },
        new() { Name = "post", Title = "4 KB request bodies, half of them in chunks", Requests = 20_000, Kind = QuestionKind.Post, HaproxyBar = 1.00 },
        new() { Name = "body_1mb", Title = "1 MB bodies, 16 connections", Requests = 1_000, Kind = QuestionKind.Large, Connections = 16, HaproxyBar = 0.80 },
        new() { Name = "https", Title = "100-byte bodies in TLS 1.3, 64 connections", Requests = 30_000, Spoken = Spoken.Https, HaproxyBar = 0.95 },
        new() { Name = "handshake", Title = "a TLS 1.3 handshake on P-256 for each request, 16 at a time", Requests = 1_500, Spoken = Spoken.Https, Connections = 16, ConnectEachTime = true, HaproxyBar = 0.95 },
    ];

    public static IEnumerable<(string Name, Func<ProxyStage, Task> RunAsync)> Parts => All.Select(part => (part.Name, (Func<ProxyStage, Task>)part.RunAsync));

    public required string Name { get; init; }

    public required string Title { get; init; }

    /// <summary>In a round.</summary>
    public required int Requests { get; init; }

    public required double HaproxyBar { get; init; }

    /// <summary>Null: nginx is not measured.</summary>
    private double? NginxBar { get; init; }

    private int Connections { get; init; } = 64;

    private bool ConnectEachTime { get; init; }

    private bool Log { get; init; }

    private Spoken Spoken { get; init; }

    private QuestionKind Kind { get; init; }

    private async Task RunAsync(ProxyStage stage)
    {
        var count = Count(stage);
        var setup = stage.Setup(Name, Spoken) with { Log = Log };
        stage.Report.Row($"{Name}: {Title}, {setup.Hosts:n0} hosts of {ProxySetup.Groups} prefixes, four forwarded fields; {count} rounds of {Requests:n0} requests");
        await using var contenders = await stage.StartAsync(setup, nginx: NginxBar is not null);
        using var loads = new Loads();
        var questions = Question.Many(Kind, DifferentQuestions, setup.Hosts);
        var measures = new List<(string Name, Func<Task<double>> MeasureAsync)>();
        foreach (var (name, proxy) in contenders.All)
        {
            await Probe.RunAsync(proxy, setup, stage.Cancellation);
            var load = loads.Add(new(proxy.Ports.Traffic, Connections, questions, Spoken == Spoken.Https ? ProxySetup.Host(0) : null, ConnectEachTime));
            for (var i = 0; i < WarmUps; i++)
            {
                await AskAsync(name, load, Requests / 2);
                await Task.Delay(Settle, TimeProvider.System, stage.Cancellation);
            }

            measures.Add((name, () => MeasureAsync(name, proxy, load)));
        }

        var rounds = new Rounds(stage.Report, count);
        var all = await rounds.RunAsync(measures, stage.Cancellation);
        rounds.Tell(all, "µs of processor time for each request");
        foreach (var (name, load) in contenders.All.Select(c => c.Name).Zip(loads.All))
        {
            if (Spoken == Spoken.Https) stage.Report.Row($"  {name}: {load.Tls}, {load.Tickets:0.0} tickets for each connection");
        }

        foreach (var (name, proxy) in contenders.All)
        {
            if (Log) await TellLogAsync(stage, setup, name, proxy);
        }

        stage.Report.Figure($"proxy.{Name}_cpu_vs_haproxy", rounds.Ratio(all[1], all[0]), $"<= {HaproxyBar:0.00}");
        if (NginxBar is { } bar) stage.Report.Figure($"proxy.{Name}_cpu_vs_nginx", rounds.Ratio(all[1], all[2]), $"<= {bar:0.00}");
    }

    private async Task<double> MeasureAsync(string name, ProxyProcess proxy, HttpLoad load)
    {
        // Upstream connections that were dropped meanwhile come back before it counts.
        await AskAsync(name, load, Requests / 20);
        var before = proxy.Processor;
        await AskAsync(name, load, Requests);
        return (proxy.Processor - before) / Requests;
    }

    private static async Task AskAsync(string name, HttpLoad load, int requests)
    {
        var outcome = await load.RunAsync(requests);
        if (outcome.Failed > 0) throw new InvalidOperationException($"{outcome.Failed} of {requests} requests through {name} failed, the first: {outcome.Fault}");
    }

    /// <summary>A line for each request, or it was not the same work.</summary>
    private async Task TellLogAsync(ProxyStage stage, ProxySetup setup, string name, ProxyProcess proxy)
    {
        // HAProxy's lines come on its standard output.
        var file = name == "gatehouse" ? setup.File("gatehouse", "access.log") : proxy.Output;
        var asked = (WarmUps * (Requests / 2)) + (Count(stage) * (Requests + (Requests / 20)));
        var lines = 0L;
        for (var look = 0; look < Looks && lines < asked; look++)
        {
            if (look > 0) await Task.Delay(Settle, TimeProvider.System, stage.Cancellation);
            lines = File.Exists(file) ? File.ReadLines(file).LongCount() : 0;
        }

        if (lines < asked) throw new InvalidOperationException($"{name} wrote {lines:n0} lines about {asked:n0} requests");
        stage.Report.Row($"  {name}: {lines:n0} lines, the last: {File.ReadLines(file).Last()}");
    }

    private static int Count(ProxyStage stage) => stage.Quick ? 7 : 21;
}

/// <summary>Loads that end together.</summary>
internal sealed class Loads : IDisposable
{
    private readonly List<HttpLoad> _all = [];

    public IReadOnlyList<HttpLoad> All => _all;

    public HttpLoad Add(HttpLoad load)
    {
        _all.Add(load);
        return load;
    }

    public void Dispose() => _all.ForEach(l => l.Dispose());
}

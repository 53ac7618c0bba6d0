using System.Diagnostics;
using Gatehouse.Api.Identity;

namespace Gatehouse.Bench.Scale;

/// <summary>All simulated workers.</summary>
internal sealed class Fleets : IAsyncDisposable
{
    /// <summary>Its connection.</summary>
    private const int DescriptorsOfWorker = 1;

    private const int DescriptorsOfProcess = 500;
    private const int MostOfProcess = 7_680;
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);
    private readonly List<FleetProcess> _processes = [];

    public TimeSpan Processor => TimeSpan.FromTicks(_processes.Sum(p => p.Processor.Ticks));

    public int Count => _processes.Count;

    /// <summary>Starts as many processes as the workers need; nothing is sent to the managers yet but for the tokens.</summary>
    public static async Task<Fleets> StartAsync(Fabric fabric, ScaleSize size, CancellationToken cancellation)
    {
        var fleets = new Fleets();
        try
        {
            var doors = new List<FleetCluster>();
            foreach (var cluster in fabric.Clusters)
            {
                var token = await cluster.Operator.TokenAsync(EnrollmentProtocol.WorkerRole, cancellation);
                doors.Add(new FleetCluster(cluster.Name, cluster.Operator.Server, cluster.Operator.AuthorityPem, token));
            }

            var most = Math.Min(MostOfProcess, Math.Max(100, (Usage.Descriptors() - DescriptorsOfProcess) / DescriptorsOfWorker));
            var processes = (size.Workers + most - 1) / most;
            for (var i = 0; i < processes; i++)
            {
                var (first, next) = (size.Workers * i / processes, size.Workers * (i + 1) / processes);
                var order = new FleetOrder(doors, first, next - first, size.WorkersOfCluster, size.LeaseSeconds, size.PingSeconds, size.InFlight / processes, size.AllPeers);
                fleets._processes.Add(await FleetProcess.StartAsync(order));
            }

            return fleets;
        }
        catch
        {
            await fleets.DisposeAsync();
            throw;
        }
    }

    /// <summary>Registers everybody; tells how far it is meanwhile.</summary>
    public async Task RegisterAsync(Action<FleetNews> onProgress, CancellationToken cancellation)
    {
        foreach (var process in _processes) await process.RegisterAsync();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        var told = Stopwatch.GetTimestamp();
        while (await pace.WaitForNextTickAsync(cancellation))
        {
            var news = await ReportAsync();
            if (news.About == "done") return;
            if (Stopwatch.GetElapsedTime(told) < ProgressEvery) continue;
            told = Stopwatch.GetTimestamp();
            onProgress(news);
        }
    }

    public async Task ExpectAsync(string mark)
    {
        foreach (var process in _processes) await process.ExpectAsync(mark);
    }

    /// <summary>The sum of all processes' reports.</summary>
    public async Task<FleetNews> ReportAsync()
    {
        var all = new List<FleetNews>();
        foreach (var process in _processes) all.Add(await process.ReportAsync());
        return new FleetNews
        {
            About = all.TrueForAll(n => n.About == "done") ? "done" : "registering",
            Complete = all.Sum(n => n.Complete),
            Failed = all.Sum(n => n.Failed),
            Retries = all.Sum(n => n.Retries),
            Cut = all.Sum(n => n.Cut),
            LateRenewals = all.Sum(n => n.LateRenewals),
            PeersHeard = all.Sum(n => n.PeersHeard),
            Meshed = all.Sum(n => n.Meshed),
            Durations = [.. all.SelectMany(n => n.Durations)],
            Heard = [.. all.SelectMany(n => n.Heard)],
            Subnetworks = [.. all.SelectMany(n => n.Subnetworks)],
            Faults = [.. all.SelectMany(n => n.Faults).Take(5)],
        };
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_processes.Select(p => p.DisposeAsync().AsTask()));
}

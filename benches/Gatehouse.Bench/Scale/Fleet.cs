using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Gatehouse.Bench.Scale;

/// <summary>
/// A process that simulates a part of the workers: as many as its descriptors allow. Reads its order and commands from standard input, a line each, and ends with it.
/// </summary>
internal sealed class Fleet : IDisposable
{
    /// <summary>The word on the command line; not for people.</summary>
    public const string Word = "scale-workers";

    private static readonly TimeSpan RegistrationLimit = TimeSpan.FromMinutes(5);
    private readonly FleetOrder _order;
    private readonly FleetTally _tally = new();
    private readonly ClusterDoor[] _doors;
    private readonly SimulatedWorker[] _workers;
    private readonly CancellationTokenSource _end = new();
    private int _failed;

    private Fleet(FleetOrder order)
    {
        _order = order;
        _doors = [.. order.Clusters.Select(c => new ClusterDoor(c, TimeSpan.FromSeconds(order.PingSeconds)))];
        _workers = [.. Enumerable.Range(order.First, order.Count).Select(i => new SimulatedWorker(i, order, _doors[i % _doors.Length], _tally))];
    }

    /// <summary>Works until standard input ends.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        // A terminal's Ctrl-C goes to all processes: this one ends when its owner has done with it.
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, static signal => signal.Cancel = true);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, static signal => signal.Cancel = true);
        using var fleet = new Fleet(JsonSerializer.Deserialize<FleetOrder>((await input.ReadLineAsync())!)!);
        Task registering = Task.CompletedTask;
        while (await input.ReadLineAsync() is { } line)
        {
            var command = JsonSerializer.Deserialize<FleetCommand>(line)!;
            switch (command.Do)
            {
                case "register":
                    registering = fleet.RegisterAsync();
                    break;
                case "hear":
                    fleet.Expect(command.Mark!);
                    await output.WriteLineAsync(fleet.News("hearing", details: false).ToLine());
                    break;
                case "report":
                    await output.WriteLineAsync(fleet.News(registering.IsCompleted ? "done" : "registering", registering.IsCompleted).ToLine());
                    break;
            }
        }

        await fleet._end.CancelAsync();
        return 0;
    }

    public void Dispose()
    {
        foreach (var worker in _workers) worker.Dispose();
        foreach (var door in _doors) door.Dispose();
        _end.Dispose();
    }

    private Task RegisterAsync() => Parallel.ForEachAsync(
        _workers,
        new ParallelOptions { MaxDegreeOfParallelism = _order.InFlight },
        async (worker, _) =>
        {
            try
            {
                using var limit = new CancellationTokenSource(RegistrationLimit);
                await worker.RegisterAsync(_end.Token).WaitAsync(limit.Token);
                _tally.Begin(KeepAsync(worker));
            }
            catch (Exception e)
            {
                Interlocked.Increment(ref _failed);
                _tally.Fault(e.ToString());
            }
        });

    private async Task KeepAsync(SimulatedWorker worker)
    {
        try
        {
            await worker.KeepAsync(_end.Token);
        }
        catch (Exception e) when (!_end.IsCancellationRequested)
        {
            _tally.Late();
            _tally.Fault(e.ToString());
        }
    }

    private void Expect(string mark)
    {
        foreach (var worker in _workers) worker.Heard = 0;
        _tally.Mark = Encoding.ASCII.GetBytes(mark);
    }

    private FleetNews News(string about, bool details)
    {
        return new FleetNews
        {
            About = about,
            Complete = _workers.Count(w => w.IsComplete),
            Failed = _failed,
            Retries = _tally.Retries,
            Cut = _tally.CutWatches,
            LateRenewals = _tally.LateRenewals,
            PeersHeard = _workers.Sum(w => (long)w.Peers),
            Meshed = _workers.Count(w => w.Peers == _order.WorkersOfEach),
            Durations = details ? [.. _workers.Where(w => w.IsComplete).Select(w => w.Duration)] : [],
            Heard = [.. _workers.Select(w => w.Heard).Where(h => h != 0)],
            Subnetworks = details ? [.. _workers.Select(w => w.Subnetwork).OfType<Objects.Kinds.SubnetworkRange>().Select(r => r.Index)] : [],
            Faults = _tally.Faults,
        };
    }
}

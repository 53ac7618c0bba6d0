using System.Diagnostics;
using Gatehouse.TestKit.Fuzz;

namespace Gatehouse.Bench.Proxy;

/// <summary>
/// What reads strangers' bytes, given inputs that are right, nearly right and random: no exception, no hang, and the same outcome whole as byte by byte. The fuzzers are those of the
/// tests, with more inputs and another seed each time, which is told so that a fault can be found again.
/// </summary>
internal static class Fuzzing
{
    private const int Inputs = 1_000_000;
    private const int Parts = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60); // For a hundredth of the inputs, which take less than a second.

    private static readonly IReadOnlyList<(string Name, Func<int, int, IReadOnlyList<string>> Run)> Fuzzers =
    [
        ("HTTP/1 parser", HeadFuzz.Run),
        ("chunk reader", ChunkFuzz.Run),
        ("TLS hello reader", ClientHelloFuzz.Run),
        ("PROXY reader", ProxyHeaderFuzz.Run),
    ];

    public static async Task RunAsync(ProxyStage stage)
    {
        stage.Report.Row($"fuzz: {Inputs:n0} inputs for each reader");
        var faults = 0;
        foreach (var (name, run) in Fuzzers)
        {
            var started = Stopwatch.GetTimestamp();
            var seed = Random.Shared.Next(int.MaxValue - Inputs);
            var found = await RunAsync(run, seed, stage.Cancellation);
            faults += found.Count;
            stage.Report.Row($"  {name}: {found.Count} faults in {Inputs:n0} inputs from seed {seed}, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
            foreach (var fault in found.Take(3)) stage.Report.Row($"    {fault}");
        }

        stage.Report.Figure("proxy.fuzz_faults", faults, "= 0");
    }

    /// <summary>On all processors.</summary>
    private static async Task<IReadOnlyList<string>> RunAsync(Func<int, int, IReadOnlyList<string>> run, int seed, CancellationToken cancellation)
    {
        var found = new List<string>();
        var gate = new Lock();
        await Parallel.ForAsync(0, Parts, cancellation, async (part, token) =>
        {
            var first = seed + (part * (Inputs / Parts));
            IReadOnlyList<string> faults;
            try
            {
                faults = await Task.Run(() => run(first, Inputs / Parts), token).WaitAsync(Patience, token);
            }
            catch (TimeoutException)
            {
                faults = [$"no end within {Patience.TotalSeconds:0} s of the inputs from seed {first}"];
            }

            lock (gate) found.AddRange(faults);
        });
        return found;
    }
}

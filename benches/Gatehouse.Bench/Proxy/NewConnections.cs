using Gatehouse.Bench.Proxy.Load;

namespace Gatehouse.Bench.Proxy;

/// <summary>What became of connections of one request each while something was done to the proxy.</summary>
/// <param name="Answered">With 200.</param>
/// <param name="Refused">Nobody listened.</param>
/// <param name="Lost">Accepted, and ended without a whole answer.</param>
/// <param name="Faults">Why, and how often.</param>
internal sealed record Disturbed(int Answered, int Refused, int Lost, IReadOnlyDictionary<string, int> Faults)
{
    public override string ToString() => $"{Answered:n0} answered, {Refused:n0} refused, {Lost:n0} lost{string.Concat(Faults.Select(f => $"; {f.Key}: {f.Value:n0}"))}";
}

/// <summary>New connections, one after the other, for as long as something goes on.</summary>
internal static class NewConnections
{
    private const int AtOnce = 32;
    private const int Batch = 500;

    public static async Task<Disturbed> DuringAsync(ProxyProcess proxy, ProxySetup setup, Func<Task> act)
    {
        using var load = new HttpLoad(proxy.Ports.Traffic, AtOnce, Question.Many(QuestionKind.Small, 4_096, setup.Hosts), connectEachTime: true);
        List<LoadOutcome> outcomes = [await load.RunAsync(Batch)];
        var acting = act();
        while (!acting.IsCompleted) outcomes.Add(await load.RunAsync(Batch));
        await acting;
        outcomes.Add(await load.RunAsync(Batch));
        var faults = outcomes.SelectMany(o => o.Faults).GroupBy(f => f.Key).ToDictionary(g => g.Key, g => g.Sum(f => f.Value));
        var refused = faults.Where(f => f.Key.Contains(LoadConnection.Refused, StringComparison.Ordinal)).Sum(f => f.Value);
        return new(outcomes.Sum(o => o.Requests), refused, outcomes.Sum(o => o.Failed) - refused, faults);
    }
}

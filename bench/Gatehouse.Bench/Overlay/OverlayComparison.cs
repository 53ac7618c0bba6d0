namespace Gatehouse.Bench.Overlay;

/// <summary>The overlay against plain VXLAN between the same namespaces, and how soon a packet and a change get through it.</summary>
internal static class OverlayComparison
{
    public static Comparison Comparison { get; } = new("overlay", RunAsync);

    private static Task RunAsync(BenchContext context)
    {
        context.Report.Row("overlay");
        return Task.CompletedTask;
    }
}

using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Gatehouse.Linux;

/// <summary>Figures of the calls into the kernel, meter <c>Gatehouse.Linux</c>.</summary>
internal static class LinuxMetrics
{
    private static readonly Meter Meter = new("Gatehouse.Linux");

    private static readonly Histogram<double> ElementSeconds = Meter.CreateHistogram<double>(
        "gatehouse.nft.element_batch.duration", "s", "Time of one transaction of nftables elements.");

    private static readonly Counter<long> ElementsApplied = Meter.CreateCounter<long>(
        "gatehouse.nft.elements.applied", "{element}", "Changes of nftables elements that hold.");

    private static readonly Counter<long> ElementsRefused = Meter.CreateCounter<long>(
        "gatehouse.nft.elements.refused", "{element}", "Changes of nftables elements that the kernel refused.");

    private static readonly Histogram<double> ScriptSeconds = Meter.CreateHistogram<double>(
        "gatehouse.nft.script.duration", "s", "Time of one nft script, waiting for other scripts of the process included.");

    private static readonly Counter<long> RouteEntries = Meter.CreateCounter<long>(
        "gatehouse.netlink.route_entries", "{entry}", "Routes, neighbours, forwarding entries and rules sent to the kernel.");

    private static readonly Counter<long> RouteRefusals = Meter.CreateCounter<long>(
        "gatehouse.netlink.route_refusals", "{entry}", "Entries of those that the kernel refused.");

    private static readonly Counter<long> MonitorOverruns = Meter.CreateCounter<long>(
        "gatehouse.netlink.monitor_overruns", "{overrun}", "Times the kernel had more changes to tell than the buffer holds.");

    public static void ElementBatch(long began, int applied, int refused)
    {
        ElementSeconds.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);
        ElementsApplied.Add(applied);
        ElementsRefused.Add(refused);
    }

    public static void Script(long began) => ScriptSeconds.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);

    public static void RouteBatch(int count, int refused)
    {
        RouteEntries.Add(count);
        RouteRefusals.Add(refused);
    }

    public static void Overrun() => MonitorOverruns.Add(1);
}

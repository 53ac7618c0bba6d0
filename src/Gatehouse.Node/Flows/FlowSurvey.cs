using Gatehouse.Api.Client;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Interests;
using Gatehouse.Node.Translation;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Flows;

/// <summary>
/// Counts flows now and then: which services are in use, so that an interest ends with its last flow and not before, and how loaded this worker's instances are.
/// </summary>
internal sealed class FlowSurvey(
    FlowTable flows, ServiceBook services, InterestBook interests, InstanceHost instances, IObjectClient cluster, Func<IReadOnlySet<string>> needed)
{
    /// <summary>A load that moved by less than this share, and by less than <see cref="LoadStep"/>, is not reported: each report is a write and new slots everywhere.</summary>
    private const double LoadShare = 0.2;
    private const int LoadStep = 2;

    private readonly Dictionary<string, int> _reported = new(StringComparer.Ordinal);

    /// <summary>One survey.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        await interests.SurveyAsync(Used(), cancellation);
        await ReportLoadAsync(cancellation);
    }

    /// <summary>Whether a load is worth a report.</summary>
    internal static bool IsNews(int? reported, int now) =>
        reported is not { } before || (before == 0) != (now == 0) || (Math.Abs(now - before) >= LoadStep && Math.Abs(now - before) > before * LoadShare);

    private HashSet<string> Used()
    {
        var marks = flows.ByMark();
        var used = services.All.Where(s => s.Targets.Any(t => marks.ContainsKey(t.Mark))).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        used.UnionWith(needed());
        return used;
    }

    private async Task ReportLoadAsync(CancellationToken cancellation)
    {
        var attached = instances.Attached.Values.Where(i => i.Declared).ToArray();
        if (attached.Length == 0) return;
        var open = flows.OpenTo(attached);
        foreach (var instance in attached)
        {
            var load = open[instance.Name];
            if (!IsNews(_reported.TryGetValue(instance.Name, out var before) ? before : null, load)) continue;
            if (await TryReportAsync(instance.Name, load, cancellation)) _reported[instance.Name] = load;
        }
    }

    /// <returns>False when there is nothing to report on.</returns>
    private async Task<bool> TryReportAsync(string name, int load, CancellationToken cancellation)
    {
        try
        {
            if (await cluster.GetAsync<FabricInstance>(name, cancellation) is not { Status: { Phase: InstancePhase.Running } status } now) return false;
            if (status.Load != load) await cluster.UpdateStatusAsync(now with { Status = status with { Load = load } }, cancellation);
            return true;
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.Forbidden) || fault.Is(StatusReason.NotFound) || fault.Is(StatusReason.Conflict))
        {
            // Gone, which a worker is not told in so many words, or changed meanwhile: the next survey sees. The others' loads are reported all the same.
            return false;
        }
    }
}

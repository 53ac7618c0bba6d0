using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;

namespace Gatehouse.Cluster.Resolving;

/// <summary>What root answered to this cluster's interests, by query; feeds what it found into the resolution table.</summary>
/// <remarks>Any thread; each call is whole. As large as the cluster's interests at root.</remarks>
internal sealed class ForeignTable(string cluster, ResolutionTable table)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Resolution> _answers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _queriesOf = new(StringComparer.Ordinal);

    /// <summary>Root's last answer; null when there was none.</summary>
    public Resolution? Find(string query)
    {
        lock (_gate) return _answers.GetValueOrDefault(query);
    }

    /// <summary>Takes in an answer, unless a newer one is known; null when the interest is gone.</summary>
    /// <returns>The queries whose resolution may be another one now.</returns>
    public IReadOnlyCollection<string> Put(string query, Resolution? answer)
    {
        lock (_gate)
        {
            var before = _answers.GetValueOrDefault(query);
            if (before is not null && answer is not null && answer.Version <= before.Version) return [];
            HashSet<string> touched = [query];
            if (answer is null) _answers.Remove(query);
            else _answers[query] = answer;
            if (before?.Service is { } old && old != answer?.Service) touched.UnionWith(Unlink(old, query));
            if (answer is { Outcome: ResolutionOutcome.Found, Service: { } service }) touched.UnionWith(Link(service, query));
            return touched;
        }
    }

    private IReadOnlyCollection<string> Link(string service, string query)
    {
        if (!_queriesOf.TryGetValue(service, out var queries)) _queriesOf[service] = queries = new HashSet<string>(StringComparer.Ordinal);
        queries.Add(query);
        return table.PutForeign(service, Newest(queries), cluster);
    }

    private IReadOnlyCollection<string> Unlink(string service, string query)
    {
        if (!_queriesOf.TryGetValue(service, out var queries) || !queries.Remove(query)) return [];
        if (queries.Count == 0) _queriesOf.Remove(service);
        return table.PutForeign(service, queries.Count == 0 ? null : Newest(queries), cluster);
    }

    private Resolution? Newest(IEnumerable<string> queries) => queries.Select(q => _answers[q]).MaxBy(a => a.Version);
}

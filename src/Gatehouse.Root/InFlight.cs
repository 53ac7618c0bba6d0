using System.Collections.Concurrent;

namespace Gatehouse.Root;

/// <summary>
/// Names whose allocation was decided and is not known to be stored yet. While a name is in here, nobody else may decide about it: two creates of one name would
/// get the same address, one of them would fail, and giving back its address would free what the other one has.
/// </summary>
/// <remarks>Safe for any thread. Bounded by the requests under way.</remarks>
internal sealed class InFlight<TDecision>
    where TDecision : class
{
    private readonly ConcurrentDictionary<string, TDecision> _decisions = new(StringComparer.Ordinal);

    /// <summary>Takes the name for one decision. False when somebody has it.</summary>
    public bool TryBegin(string name, TDecision decision) => _decisions.TryAdd(name, decision);

    /// <summary>The decision under way for a name, or null.</summary>
    public TDecision? Find(string name) => _decisions.GetValueOrDefault(name);

    /// <summary>Frees the name, if it is still this decision's.</summary>
    public bool End(string name, TDecision decision) => _decisions.TryRemove(new KeyValuePair<string, TDecision>(name, decision));
}

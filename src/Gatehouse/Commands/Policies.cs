using Gatehouse.Objects.Kinds;

namespace Gatehouse.Commands;

/// <summary>Balancing policies as words on the command line: those of the objects' JSON.</summary>
internal static class Policies
{
    public static IReadOnlyList<string> Words { get; } = [.. Enum.GetValues<BalancingPolicy>().Select(Word)];

    public static string Word(BalancingPolicy policy) => char.ToLowerInvariant(policy.ToString()[0]) + policy.ToString()[1..];

    /// <summary>One policy.</summary>
    /// <exception cref="UsageException">The word is none.</exception>
    public static BalancingPolicy Parse(string word) => Parse([word])[0];

    /// <summary>Several; round robin when there is none.</summary>
    /// <exception cref="UsageException">Every word that is none.</exception>
    public static IReadOnlyList<BalancingPolicy> Parse(string[] words)
    {
        var faults = words.Where(w => !Words.Contains(w, StringComparer.OrdinalIgnoreCase)).ToList();
        if (faults.Count > 0) throw new UsageException([.. faults.Select(w => $"--policy: '{w}' is not valid: one of {string.Join(", ", Words)}")]);
        return words.Length == 0 ? [BalancingPolicy.RoundRobin] : [.. words.Select(w => Enum.Parse<BalancingPolicy>(w, ignoreCase: true)).Distinct()];
    }
}

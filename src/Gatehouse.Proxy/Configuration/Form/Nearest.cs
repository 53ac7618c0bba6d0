namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The word that somebody who wrote another one probably meant.</summary>
internal static class Nearest
{
    /// <summary>Words beyond it are not compared: the work is the product of both lengths.</summary>
    private const int LongestWord = 64;

    /// <summary>Candidates beyond it are not looked at.</summary>
    private const int MaxCandidates = 10_000;

    /// <summary>Null when none is near: at most two edits, or a third of the word.</summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        if (word.Length is 0 or > LongestWord) return null;
        var most = Math.Max(2, word.Length / 3);
        string? best = null;
        foreach (var candidate in known.Take(MaxCandidates))
        {
            if (candidate.Length is 0 or > LongestWord || Math.Abs(candidate.Length - word.Length) > most) continue;
            var distance = Distance(word, candidate);
            if (distance > most || distance >= candidate.Length || (distance == most && best is not null)) continue;
            (best, most) = (candidate, distance);
        }

        return best;
    }

    /// <summary><c>; did you mean 'x'?</c>, or nothing.</summary>
    public static string Hint(string word, IEnumerable<string> known) => To(word, known) is { } near ? $"; did you mean '{near}'?" : "";

    /// <summary>Insertions, removals, replacements and swaps of neighbours; the case of letters counts half, rounded up at the end.</summary>
    internal static int Distance(string one, string other)
    {
        Span<int> before = stackalloc int[LongestWord + 1], last = stackalloc int[LongestWord + 1], now = stackalloc int[LongestWord + 1];
        for (var j = 0; j <= other.Length; j++) last[j] = 2 * j;
        for (var i = 1; i <= one.Length; i++)
        {
            now[0] = 2 * i;
            for (var j = 1; j <= other.Length; j++)
            {
                var swap = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] ? before[j - 2] + 2 : int.MaxValue;
                now[j] = Math.Min(Math.Min(Math.Min(last[j], now[j - 1]) + 2, last[j - 1] + Cost(one[i - 1], other[j - 1])), swap);
            }

            last.CopyTo(before);
            now.CopyTo(last);
        }

        return (last[other.Length] + 1) / 2;
    }

    private static int Cost(char one, char other) => one == other ? 0 : char.ToLowerInvariant(one) == char.ToLowerInvariant(other) ? 1 : 2;
}

using System.Globalization;
using Gatehouse.Objects;

namespace Gatehouse.Api.Identity;

/// <summary>
/// Bearer tokens in a file of the host: one line for each, <c>NAME TOKEN [EXPIRES|-] [GROUP,GROUP…]</c>, the time as RFC 3339; who has no groups is an operator
/// (<see cref="UserInfo.MastersGroup"/>). Blank lines and those that begin with <c>#</c> say nothing. Only its owner may be able to read it. Read again when it changes; a
/// faulty file changes nothing and is reported whole.
/// </summary>
/// <remarks>Read by the role's loop. Bounded by <see cref="MaxBytes"/>.</remarks>
public sealed class TokenFile(string path, BearerTokens tokens)
{
    /// <summary>The longest file that is read.</summary>
    public const int MaxBytes = 256 * 1024;

    private const int MinTokenLength = 16;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private HashSet<string> _known = new(StringComparer.Ordinal);
    private (DateTime Written, long Length, UnixFileMode Mode)? _seen;

    /// <summary>Takes in the file if it changed since the last call. A file that is gone takes its tokens along.</summary>
    /// <returns>Its faults; empty when it was taken in, or did not change.</returns>
    public IReadOnlyList<Fault> Refresh()
    {
        var file = new FileInfo(path);
        var now = file.Exists ? (file.LastWriteTimeUtc, file.Length, file.UnixFileMode) : ((DateTime, long, UnixFileMode)?)null;
        if (now == _seen) return [];
        _seen = now;
        if (now is not { } state)
        {
            Replace([]);
            return [];
        }

        if ((state.Item3 & Others) != UnixFileMode.None) return [new Fault(path, $"mode {Convert.ToString((int)state.Item3, 8)}", "must be readable by its owner alone (0600)")];
        if (state.Item2 > MaxBytes) return [new Fault(path, $"{state.Item2} bytes", $"must be at most {MaxBytes}")];
        var (entries, faults) = Parse(File.ReadAllText(path));
        if (faults.Count == 0) Replace(entries);
        return faults;
    }

    /// <summary>The tokens of a text and everything that is wrong with it.</summary>
    internal static (IReadOnlyList<Entry> Entries, IReadOnlyList<Fault> Faults) Parse(string text)
    {
        var (entries, faults) = (new List<Entry>(), new List<Fault>());
        foreach (var (line, i) in text.Split('\n').Select((l, i) => (l.Trim(), i + 1)).Where(l => l.Item1.Length > 0 && l.Item1[0] != '#'))
        {
            var parts = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            DateTimeOffset expires = default;
            var isLimited = parts.Length >= 3 && parts[2] != "-";
            string[] groups = parts.Length == 4 ? parts[3].Split(',') : [UserInfo.MastersGroup];
            if (parts.Length is < 2 or > 4) faults.Add(new Fault($"line {i}", "", "must be NAME TOKEN, NAME TOKEN EXPIRES, or NAME TOKEN EXPIRES GROUPS"));
            else if (parts[1].Length < MinTokenLength) faults.Add(new Fault($"line {i}", parts[0], $"its token must have at least {MinTokenLength} characters"));
            else if (entries.Exists(e => e.Token == parts[1])) faults.Add(new Fault($"line {i}", parts[0], "its token stands in the file already"));
            else if (groups.Contains("", StringComparer.Ordinal)) faults.Add(new Fault($"line {i}", parts[3], "must be groups with commas between them"));
            else if (isLimited && !DateTimeOffset.TryParse(parts[2], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out expires))
                faults.Add(new Fault($"line {i}", parts[2], "must be a time, for example 2027-01-31T00:00:00Z, or - for none"));
            else entries.Add(new Entry(parts[0], parts[1], isLimited ? expires : null, groups));
        }

        return (entries, faults);
    }

    private void Replace(IReadOnlyList<Entry> entries)
    {
        foreach (var entry in entries) tokens.Add(entry.Token, new UserInfo(entry.Name, entry.Groups), entry.Expires);
        var now = entries.Select(e => e.Token).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _known.Where(t => !now.Contains(t))) tokens.Remove(gone);
        _known = now;
    }

    /// <summary>Somebody's token.</summary>
    internal sealed record Entry(string Name, string Token, DateTimeOffset? Expires, IReadOnlyList<string> Groups);
}

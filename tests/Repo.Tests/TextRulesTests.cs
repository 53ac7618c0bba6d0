using System.Text.RegularExpressions;

namespace Gatehouse.Repo.Tests;

/// <summary>What the repository says is about Gatehouse, and true on every machine.</summary>
public sealed partial class TextRulesTests
{
    /// <summary>Patterns that must not stand in any tracked file. Split so that this file does not contain them.</summary>
    public static TheoryData<string, string> Forbidden => new()
    {
        { @"(?<![\w./-])/wo" + @"rk/", "a path of one machine" },
        { @"(?<![\w./-])/ho" + @"me/\w+", "a path of one machine" },
        { @"\bwt-[a-z]" + "+\\b", "a folder of one machine" },
        { @"nu" + @"get\.org|registry\." + @"npmjs|py" + @"pi\.org|artifact" + "ory", "the host of a package registry: where packages come from is the machine's setting" },
        { @"\b(sub)?ag" + @"ent session\b|\bCl" + @"aude\b|\bChat" + @"GPT\b|\bAnth" + @"ropic\b|\bcop" + @"ilot\b|\blanguage mo" + @"del\b", "who wrote it is in the history" },
        { @"\bthe fou" + @"nder\b|\bBRI" + @"EF\.md\b", "a word of the workshop" },
    };

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void No_tracked_file_contains(string pattern, string what)
    {
        var forbidden = new Regex(pattern, RegexOptions.IgnoreCase, TimeSpan.FromSeconds(5));
        var found = Repository.Lines(static f => !f.EndsWith("packages.lock.json", StringComparison.Ordinal)).Where(l => forbidden.IsMatch(l.Text))
            .Select(l => $"{l.File}:{l.Number}: {what}: {l.Text.Trim()}").ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Theory]
    [InlineData("LICENSE", "Apache License")]
    [InlineData("CHANGELOG.md", "## ")]
    public void What_every_repository_has_is_there(string file, string containing) =>
        Assert.Contains(containing, Repository.Read(file), StringComparison.Ordinal);

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        var broken = Repository.Lines(static f => f.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(l => Link().Matches(l.Text).Select(m => (l.File, l.Number, Target: m.Groups[1].Value.Split('#')[0])))
            .Where(l => l.Target.Length > 0 && !l.Target.Contains("://", StringComparison.Ordinal) && !l.Target.StartsWith("mailto:", StringComparison.Ordinal))
            .Where(l => !Path.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(l.File)!, l.Target)))
            .Select(l => $"{l.File}:{l.Number}: {l.Target} does not exist").ToList();
        Assert.True(broken.Count == 0, string.Join('\n', broken));
    }

    [Fact]
    public void Decisions_are_numbered_without_gap_and_have_their_parts()
    {
        var records = Repository.Files.Where(f => f.StartsWith("docs/decisions/", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(Enumerable.Range(1, records.Count).Select(n => $"{n:0000}"), records.Select(f => Path.GetFileName(f)[..4]));
        Assert.All(records, f => Assert.All(["**Question.**", "**Decision.**", "**Consequences.**"], part => Assert.Contains(part, Repository.Read(f), StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)", RegexOptions.None, 5_000)]
    private static partial Regex Link();
}

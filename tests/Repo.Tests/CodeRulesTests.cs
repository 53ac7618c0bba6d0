using System.Text.RegularExpressions;

namespace Gatehouse.Repo.Tests;

/// <summary>Rules that the compiler does not check.</summary>
public sealed partial class CodeRulesTests
{
    private const int LongestFile = 500;

    /// <summary>What must not stand in code, and what to write instead. Split so that this file does not contain them.</summary>
    public static TheoryData<string, string> Forbidden => new()
    {
        { @"\bThread" + @"\.Sleep\b", "wait for the event, not for the clock" },
        { @"\bNot" + @"ImplementedException\b", "write it, or leave it out" },
        { @"^\s*#" + @"region\b", "split the type by concept" },
        { @"\bTO" + @"DO\b|\bFIX" + @"ME\b|\bHA" + @"CK\b", "do it, or open an issue" },
        { @"\[(Fact|Theory)\([^)]*\bSkip\s*=(?![^)]*Skip(When|Unless)\s*=)", "skip only for a capability that is missing here: SkipUnless, or Assert.SkipUnless with the reason" },
        { @"\bAssert\.True\(true\b|\bAssert\.Equal\((\w+), \1\)", "a test that can't fail is none" },
    };

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void Code_does_not_contain(string pattern, string instead)
    {
        var forbidden = new Regex(pattern, RegexOptions.None, TimeSpan.FromSeconds(5));
        var found = Repository.Lines(IsCode).Where(l => forbidden.IsMatch(l.Text)).Select(l => $"{l.File}:{l.Number}: {l.Text.Trim()}: {instead}").ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Fact]
    public void No_file_is_longer_than_a_person_reads()
    {
        var found = Repository.Files.Where(IsCode).Select(f => (File: f, Lines: Repository.Read(f).Count(c => c == '\n'))).Where(f => f.Lines > LongestFile)
            .Select(f => $"{f.File}: {f.Lines} lines, more than {LongestFile}: split it by concept").ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    /// <summary>Only the host reads the environment; tests may, for switches of their own.</summary>
    [Fact]
    public void Only_the_host_reads_the_environment()
    {
        var found = Repository.Lines(f => f.StartsWith("src/", StringComparison.Ordinal) && !f.StartsWith("src/Gatehouse/", StringComparison.Ordinal) && IsCode(f))
            .Where(l => EnvironmentVariable().IsMatch(l.Text)).Select(l => $"{l.File}:{l.Number}: {l.Text.Trim()}").ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Fact]
    public void Every_meter_and_instrument_is_named_for_Gatehouse()
    {
        var found = Repository.Lines(f => f.StartsWith("src/", StringComparison.Ordinal) && IsCode(f))
            .Select(l => (l.File, l.Number, Match: Instrument().Match(l.Text))).Where(l => l.Match.Success && !l.Match.Groups[1].Value.StartsWith("gatehouse.", StringComparison.Ordinal))
            .Select(l => $"{l.File}:{l.Number}: {l.Match.Groups[1].Value}").ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    private static bool IsCode(string file) => file.EndsWith(".cs", StringComparison.Ordinal);

    [GeneratedRegex(@"Environment\.(GetEnvironmentVariables?|GetCommandLineArgs)\b", RegexOptions.None, 5_000)]
    private static partial Regex EnvironmentVariable();

    [GeneratedRegex(@"\.Create(?:Counter|Histogram|Gauge|UpDownCounter|Observable\w+)(?:<\w+>)?\(\s*""([^""]+)""", RegexOptions.None, 5_000)]
    private static partial Regex Instrument();
}

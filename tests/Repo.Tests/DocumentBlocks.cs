using System.Text.RegularExpressions;

namespace Gatehouse.Repo.Tests;

/// <summary>How a shell block of a document is kept true.</summary>
internal enum BlockProof
{
    /// <summary>It runs here, as it stands: <c>&lt;!-- runs here --&gt;</c>.</summary>
    RunsHere,

    /// <summary>A test elsewhere runs the same: <c>&lt;!-- run by tests/PROJECT/FILE.cs TEST --&gt;</c>.</summary>
    RunElsewhere,

    /// <summary>Nothing can run it on this machine: <c>&lt;!-- not run: REASON --&gt;</c>.</summary>
    NotRun,
}

/// <summary>A fenced shell block of a document.</summary>
/// <param name="Line">Of its fence.</param>
/// <param name="Note">The text of the comment before it; null when there is none.</param>
internal sealed partial record ShellBlock(string File, int Line, string? Note, string Script)
{
    /// <summary>Null when the note says nothing that is understood.</summary>
    public BlockProof? Proof =>
        Note is null ? null
        : Note == "runs here" ? BlockProof.RunsHere
        : Elsewhere().IsMatch(Note) ? BlockProof.RunElsewhere
        : Note.StartsWith("not run: ", StringComparison.Ordinal) ? BlockProof.NotRun : null;

    /// <summary>File and test of <see cref="BlockProof.RunElsewhere"/>.</summary>
    public (string File, string Test) Where => Elsewhere().Match(Note!) is var match ? (match.Groups[1].Value, match.Groups[2].Value) : default;

    /// <summary>The <c>```sh</c> blocks of a document. An HTML comment counts when nothing but blank lines stands between it and the fence.</summary>
    public static IEnumerable<ShellBlock> Of(string file, string text)
    {
        var lines = text.Split('\n');
        string? note = null;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (Comment().Match(line) is { Success: true } comment) note = comment.Groups[1].Value.Trim();
            else if (line is "```sh" or "```bash" or "```shell" or "```console")
            {
                var end = Array.FindIndex(lines, i + 1, static l => l.Trim() == "```");
                if (end < 0) end = lines.Length;
                yield return new ShellBlock(file, i + 1, note, string.Join('\n', lines[(i + 1)..end]));
                (note, i) = (null, end);
            }
            else if (line.Length > 0) note = null;
        }
    }

    [GeneratedRegex(@"^<!--(.*)-->$", RegexOptions.None, 5_000)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^run by (tests/\S+\.cs) (\w+)$", RegexOptions.None, 5_000)]
    private static partial Regex Elsewhere();
}

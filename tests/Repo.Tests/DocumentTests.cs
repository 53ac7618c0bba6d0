using Gatehouse.TestKit;

namespace Gatehouse.Repo.Tests;

/// <summary>Shell blocks of the documents do what they say.</summary>
public sealed class DocumentTests
{
    private static readonly IReadOnlyList<ShellBlock> Blocks =
        [.. Repository.Files.Where(f => f.EndsWith(".md", StringComparison.Ordinal)).SelectMany(f => ShellBlock.Of(f, Repository.Read(f)))];

    public static TheoryData<string, int> RunHere => [.. Blocks.Where(b => b.Proof == BlockProof.RunsHere).Select(b => (b.File, b.Line))];

    [Fact]
    public void Every_shell_block_says_how_it_is_tested()
    {
        var silent = Blocks.Where(b => b.Proof is null).Select(b =>
            $"{b.File}:{b.Line}: put one of these before the block: <!-- runs here -->, <!-- run by tests/PROJECT/FILE.cs TEST -->, <!-- not run: REASON -->").ToList();
        Assert.True(silent.Count == 0, string.Join('\n', silent));
    }

    [Fact]
    public void A_test_that_a_block_names_exists()
    {
        var missing = Blocks.Where(b => b.Proof == BlockProof.RunElsewhere).Where(b => !Repository.Files.Contains(b.Where.File) || !Repository.Read(b.Where.File).Contains($" {b.Where.Test}(", StringComparison.Ordinal))
            .Select(b => $"{b.File}:{b.Line}: there is no test {b.Where.Test} in {b.Where.File}").ToList();
        Assert.True(missing.Count == 0, string.Join('\n', missing));
    }

    [Theory]
    [MemberData(nameof(RunHere))]
    public async Task A_block_that_runs_here_succeeds(string file, int line)
    {
        var block = Blocks.Single(b => b.File == file && b.Line == line);
        var program = Path.Combine(AppContext.BaseDirectory, "gatehouse");
        var script = $"set -e\nPATH={Path.GetDirectoryName(program)}:$PATH\n{block.Script}";
        var result = await ShellCommand.RunAsync("sh", ["-c", script], Repository.Root);
        Assert.True(result.ExitCode == 0, $"{file}:{line} ended with {result.ExitCode}:\n{result.Errors}{result.Output}");
    }

    [Theory]
    [InlineData("<!-- runs here -->\n```sh\ntrue\n```", "RunsHere")]
    [InlineData("<!-- runs here -->\n\n```bash\ntrue\n```", "RunsHere")]
    [InlineData("<!-- run by tests/Lab.Tests/A.cs Some_test -->\n```sh\n./run\n```", "RunElsewhere")]
    [InlineData("<!-- not run: needs a second machine -->\n```sh\nx\n```", "NotRun")]
    [InlineData("<!-- sometimes -->\n```sh\nx\n```", null)]
    [InlineData("<!-- runs here -->\ntext between\n```sh\nx\n```", null)]
    [InlineData("```sh\nx\n```", null)]
    public void Blocks_are_found_with_their_notes(string document, string? proof) =>
        Assert.Equal(proof, Assert.Single(ShellBlock.Of("a.md", document)).Proof?.ToString());

    [Fact]
    public void Other_blocks_are_not_shell_blocks_and_a_note_counts_once()
    {
        Assert.Empty(ShellBlock.Of("a.md", "```yaml\na: 1\n```\n```\nplain\n```"));
        Assert.Equal([BlockProof.RunsHere, null], ShellBlock.Of("a.md", "<!-- runs here -->\n```sh\na\n```\n```sh\nb\n```").Select(b => b.Proof));
    }
}

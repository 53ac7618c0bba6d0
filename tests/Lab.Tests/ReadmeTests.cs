using System.Text.RegularExpressions;
using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary>The commands of the documents, as they stand there, on a lab of the test's own name.</summary>
public sealed class ReadmeTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));

    [Fact]
    public Task The_commands_of_the_five_minutes_work() => RunBlockAsync("README.md", "a");

    [Fact]
    public Task The_commands_of_the_lab_page_work() => RunBlockAsync("docs/operations/lab.md", "b");

    /// <summary>The block that begins with <c>gatehouse lab up</c>; every <c>gatehouse lab</c> in it gets the name of the test's lab.</summary>
    private static async Task RunBlockAsync(string document, string suffix)
    {
        var lab = new LabUnderTest(suffix);
        var text = await File.ReadAllTextAsync(Path.Combine(Root, document), TestContext.Current.CancellationToken);
        var block = Regex.Match(text, "```sh\n(gatehouse lab up.*?)```", RegexOptions.Singleline, TimeSpan.FromSeconds(1)).Groups[1].Value;
        Assert.NotEmpty(block);
        var script = Regex.Replace(block.Replace("--name lab ", "", StringComparison.Ordinal), "(?m)^gatehouse lab (\\w+)", $"gatehouse lab $1 --name {lab.Name}", RegexOptions.None, TimeSpan.FromSeconds(1));
        try
        {
            var result = await ShellCommand.RunAsync("sh", ["-ec", $"PATH={Path.GetDirectoryName(LabUnderTest.Program)}:$PATH\n{script}"], Root);

            Assert.True(result.ExitCode == 0, $"{script}\n{result.Output}{result.Errors}\n");
            Assert.Contains($"lab '{lab.Name}' is gone", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            await lab.LabAsync("down");
        }
    }
}

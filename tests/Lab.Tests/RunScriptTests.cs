using System.Globalization;
using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary><c>./run</c> as a newcomer starts it.</summary>
public sealed class RunScriptTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));

    [Fact]
    public async Task The_run_script_shows_all_that_it_promises()
    {
        var lab = string.Create(CultureInfo.InvariantCulture, $"r{Environment.ProcessId}");
        try
        {
            var result = await ShellCommand.RunAsync("env", [$"GATEHOUSE_RUN_LAB={lab}", Path.Combine(Root, "run")], Root);

            Assert.True(result.ExitCode == 0, result.Output + result.Errors);
            Assert.Equal(5, result.Output.Split("12 of 12 answered").Length - 1);
            foreach (var promise in (string[])["web.0 4 times, web.1 4 times, web.2 4 times", "web.1 6 times, web.2 6 times", "all true", "./run --down"])
                Assert.Contains(promise, result.Output, StringComparison.Ordinal);
        }
        finally
        {
            await ShellCommand.RunAsync("env", [$"GATEHOUSE_RUN_LAB={lab}", Path.Combine(Root, "run"), "--down"], Root);
        }
    }

    [Fact]
    public async Task A_wrong_argument_is_refused()
    {
        var result = await ShellCommand.RunAsync(Path.Combine(Root, "run"), ["--fast"], Root);

        Assert.Equal(64, result.ExitCode);
        Assert.Contains("usage: ./run [--down]", result.Errors, StringComparison.Ordinal);
    }
}

using System.Diagnostics;

namespace Gatehouse.TestKit;

/// <summary>How a program ended and what it wrote.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Errors);

/// <summary>Runs programs.</summary>
public static class ShellCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs a program to its end.</summary>
    public static async Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, string? folder = null)
    {
        using var process = new Process { StartInfo = InfoOf(program, arguments, folder) };
        process.Start();
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end");
        }

        return new CommandResult(process.ExitCode, await output, await errors);
    }

    /// <summary>The same; throws with everything it said when it fails.</summary>
    public static async Task<string> RequireAsync(string program, IReadOnlyList<string> arguments, string? folder = null)
    {
        var result = await RunAsync(program, arguments, folder);
        if (result.ExitCode == 0) return result.Output;
        throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {result.ExitCode}: {result.Errors.Trim()} {result.Output.Trim()}");
    }

    internal static ProcessStartInfo InfoOf(string program, IReadOnlyList<string> arguments, string? folder) => new(program, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = folder ?? "",
    };
}

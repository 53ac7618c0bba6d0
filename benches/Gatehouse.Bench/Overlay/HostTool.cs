using System.Diagnostics;
using System.Globalization;

namespace Gatehouse.Bench.Overlay;

/// <summary>Runs the system's programs, in network namespaces where that is asked for.</summary>
internal static class HostTool
{
    /// <summary>Standard output of a program that must succeed.</summary>
    public static async Task<string> RunAsync(IReadOnlyList<string> command, CancellationToken cancellation)
    {
        using var process = Start(command);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var error = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return process.ExitCode == 0 ? await output
                : throw new InvalidOperationException($"{string.Join(' ', command)}: {(await error).Trim()} {(await output).Trim()}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Starts a program with its streams piped.</summary>
    public static Process Start(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>The words that run what follows in the network of a process.</summary>
    public static string[] InNetworkOf(int pid) => ["nsenter", "--target", pid.ToString(CultureInfo.InvariantCulture), "--net"];
}

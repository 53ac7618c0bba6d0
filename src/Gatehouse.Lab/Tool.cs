using System.ComponentModel;
using System.Diagnostics;

namespace Gatehouse.Lab;

/// <summary>Runs one of the system's programs (<c>unshare</c>, <c>nsenter</c>, <c>ip</c>) to its end.</summary>
internal static class Tool
{
    /// <summary>Standard output.</summary>
    /// <param name="input">Text for standard input; null for none.</param>
    /// <exception cref="LabException">The program is missing or failed; the message holds the act, the command and what it wrote on standard error.</exception>
    public static async Task<string> RunAsync(string act, IReadOnlyList<string> command, string? input, CancellationToken cancellation)
    {
        using var process = Start(act, command);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var error = process.StandardError.ReadToEndAsync(cancellation);
            await WriteInputAsync(process, input);
            await process.WaitForExitAsync(cancellation);
            if (process.ExitCode != 0) throw new LabException($"{act}: {Describe(command)} ended with {process.ExitCode}: {(await error).Trim()}");
            return await output;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>The first line that the program writes on standard output; the program, or what it started, may live on.</summary>
    public static async Task<string> FirstLineAsync(string act, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        using var process = Start(act, command);
        process.StandardInput.Close();
        var line = await process.StandardOutput.ReadLineAsync(cancellation);
        if (!string.IsNullOrEmpty(line)) return line;
        var error = await process.StandardError.ReadToEndAsync(cancellation);
        throw new LabException($"{act}: {Describe(command)} said nothing: {error.Trim()}");
    }

    /// <summary>Starts a program with all three streams piped.</summary>
    public static Process Start(string act, IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start) ?? throw new LabException($"{act}: {command[0]} did not start");
        }
        catch (Win32Exception e)
        {
            throw new LabException($"{act}: {command[0]}: {e.Message}; eng/packages.txt lists the packages that a lab needs", e);
        }
    }

    private static async Task WriteInputAsync(Process process, string? input)
    {
        try
        {
            if (input is not null) await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading: its exit code and standard error say more than the broken pipe.
        }
    }

    private static string Describe(IReadOnlyList<string> command)
    {
        var text = string.Join(' ', command);
        return text.Length <= 160 ? text : text[..157] + "...";
    }
}

using Gatehouse.Commands;

namespace Gatehouse.Tests;

/// <summary>Runs the command line in this process.</summary>
internal sealed class Cli
{
    public Dictionary<string, string> Variables { get; } = new(StringComparer.Ordinal);

    public string Input { get; init; } = "";

    public async Task<CliResult> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var input = new StringReader(Input);
        var host = new HostContext
        {
            Time = TimeProvider.System,
            Out = output,
            Error = error,
            In = input,
            Interactive = false,
            Variable = name => Variables.GetValueOrDefault(name),
        };
        var code = await CommandLine.RunAsync(args, host, CommandList.All);
        return new CliResult(code, output.ToString(), error.ToString());
    }
}

internal sealed record CliResult(int Code, string Out, string Error);

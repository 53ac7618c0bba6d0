using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Lab;
using Gatehouse.Store;

namespace Gatehouse;

/// <summary>Parses, runs one command, and turns whatever goes wrong into a message and an exit code, at this one place.</summary>
internal static partial class CommandLine
{
    private const string Description = """
        One gateway for clusters, from the data centre to the edge.

        Exit codes: 0 done, 1 failed, 2 refused by the API, 64 the input is wrong, 69 the server does not answer, 70 a defect of Gatehouse.
        """;

    /// <summary>From SIGTERM or SIGINT until a command that has not ended by then is cut off. Longer than an API server takes to end its open watches.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(20);

    /// <summary>The command tree, for help, tests and completion.</summary>
    public static RootCommand Tree(HostContext host, IReadOnlyList<Func<HostContext, Command>> commands)
    {
        var root = new RootCommand(Description);
        foreach (var create in commands) root.Add(create(host));
        return root;
    }

    /// <returns>One of <see cref="ExitCode"/>, or what a started program ended with.</returns>
    public static async Task<int> RunAsync(string[] args, HostContext host, IReadOnlyList<Func<HostContext, Command>> commands)
    {
        var parsed = Tree(host, commands).Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction) return Usage(host, parsed);
        if (parsed.Action is HelpAction) return await HelpAsync(host, parsed);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = host.Out,
                Error = host.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = parsed.CommandResult.Command is PassThroughCommand ? null : EndLimit,
            });
        }
        catch (Exception e)
        {
            return Explain(host, e);
        }
    }

    /// <summary>Descriptions say defaults in the words that a person would type; the library would say them again in .NET's.</summary>
    private static async Task<int> HelpAsync(HostContext host, ParseResult parsed)
    {
        using var text = new StringWriter();
        var code = await parsed.InvokeAsync(new InvocationConfiguration { Output = text, Error = host.Error });
        host.Out.Write(LibraryDefault().Replace(text.ToString(), ""));
        return code;
    }

    [GeneratedRegex(@"\s+\[default:[^\]]*\]", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex LibraryDefault();

    private static int Usage(HostContext host, ParseResult parsed)
    {
        foreach (var fault in parsed.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal)) host.Error.WriteLine($"gatehouse: {fault}");
        host.Error.WriteLine($"gatehouse: see `{Path(parsed.CommandResult)} --help`");
        return ExitCode.Usage;
    }

    private static string Path(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{Path(parent)} {command.Command.Name}" : "gatehouse";

    private static int Explain(HostContext host, Exception exception)
    {
        var (code, lines) = Translate(exception);
        foreach (var line in lines) host.Error.WriteLine($"gatehouse: {line}");
        return code;
    }

    private static (int Code, IEnumerable<string> Lines) Translate(Exception exception) => exception switch
    {
        UsageException e => (ExitCode.Usage, e.Faults),
        ApiStatusException e => (ExitCode.Refused, Refusal(e)),
        ApiUnreachableException e => (ExitCode.Unreachable, [e.Message]),
        StoreException => (ExitCode.Failed, [exception.Message]),
        OperationCanceledException => (ExitCode.Failed, ["stopped"]),
        CommandException or LabException or IdentityException or IdentityFileException or IOException or UnauthorizedAccessException =>
            (ExitCode.Failed, [exception.Message]),
        _ => (ExitCode.Bug, ["this is a defect of Gatehouse; please report it with what follows", exception.ToString()]),
    };

    private static IEnumerable<string> Refusal(ApiStatusException refused)
    {
        yield return refused.Status.Message.Length > 0 ? refused.Status.Message : refused.Status.Reason ?? $"the server answered {refused.Status.Code}";
        foreach (var cause in refused.Status.Details?.Causes ?? [])
        {
            var text = $"  {cause.Field}: {cause.Message}";
            if (!refused.Status.Message.Contains(cause.Message ?? "", StringComparison.Ordinal)) yield return text;
        }
    }
}

/// <summary>A command that hands the terminal to another program: signals are that program's business, and it alone says when it ends.</summary>
internal sealed class PassThroughCommand(string name, string description) : Command(name, description);

using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Objects;

namespace Gatehouse.Commands;

/// <summary>What many commands have in common.</summary>
internal static class CommandParts
{
    public const string Examples = "\n\nExamples:\n";

    /// <summary>The kind that a person means by a word.</summary>
    /// <exception cref="UsageException">None; the message lists those that are there.</exception>
    public static KindInfo Kind(string word) => KindTable.FindByWord(word) ?? throw new UsageException($"KIND: '{word}' is not valid; there are: {Kinds()}");

    /// <summary>All kinds, with their abbreviations.</summary>
    public static string Kinds() => string.Join(", ", KindTable.All.Select(k => k.ShortNames.Count == 0 ? k.Plural : $"{k.Plural} ({string.Join(", ", k.ShortNames)})"));

    /// <summary>The kind and key in <c>KIND NAME</c> or <c>KIND/NAME</c>.</summary>
    public static ObjectKey Key(KindInfo kind, string name, string? space) =>
        kind.Scope == KindScope.Cluster ? new ObjectKey(null, name)
        : space is null ? throw new UsageException($"--namespace: is required for {kind.Plural}")
        : new ObjectKey(space, name);

    /// <summary>A command that talks to the API server.</summary>
    public static Command WithAccess(this Command command, ApiAccess access)
    {
        command.Add(access.Option);
        return command;
    }

    /// <summary>An option for a namespace.</summary>
    public static Option<string?> NamespaceOption() => new("--namespace", "-n") { Description = "Namespace, for the kinds that have one.", HelpName = "NAME" };

    /// <summary>Reads an address as people write it; .NET alone also takes <c>10.1</c> for 10.0.0.1.</summary>
    public static bool TryAddress(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out System.Net.IPAddress? address) =>
        System.Net.IPAddress.TryParse(text, out address) && (text.Contains(':', StringComparison.Ordinal) || address.ToString() == text);

    /// <summary>A span of time as people write it: <c>90s</c>, <c>15m</c>, <c>24h</c>, <c>7d</c>.</summary>
    /// <param name="most">The longest that is taken. Default: 7 days, far beyond what anybody waits and well within what timers can.</param>
    public static Option<TimeSpan> Duration(string name, TimeSpan standard, string description, TimeSpan? most = null) => new(name)
    {
        Description = $"{description} Default {HumanDuration.Of(standard)}.",
        HelpName = "TIME",
        DefaultValueFactory = _ => standard,
        CustomParser = result =>
        {
            var longest = most ?? TimeSpan.FromDays(7);
            if (TryDuration(result.Tokens[0].Value, out var span) && span <= longest) return span;
            result.AddError($"{name}: '{result.Tokens[0].Value}' is not valid: a number with s, m, h or d, for example 15m, of at most {HumanDuration.Of(longest)}");
            return default;
        },
    };

    internal static bool TryDuration(string text, out TimeSpan span)
    {
        span = default;
        var seconds = text.Length < 2 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3_600, 'd' => 86_400, _ => 0 };
        if (seconds == 0 || !int.TryParse(text.AsSpan(0, text.Length - 1), System.Globalization.NumberStyles.None, null, out var count) || count == 0) return false;
        if ((long)count * seconds > (long)TimeSpan.MaxValue.TotalSeconds) return false;
        span = TimeSpan.FromSeconds((long)count * seconds);
        return true;
    }
}

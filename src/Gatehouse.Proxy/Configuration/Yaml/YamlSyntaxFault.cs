using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using YamlDotNet.Core;

namespace Gatehouse.Proxy.Configuration.Yaml;

/// <summary>Why a text is no YAML.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
internal sealed partial record YamlSyntaxFault(int Line, int Column, string Message)
{
    /// <summary>What the parser said, and what people mean who write it: the most frequent causes have nothing to do with what a parser expects.</summary>
    public static YamlSyntaxFault Of(byte[] file, YamlException e)
    {
        // The parser's end is where it gave up; its start can be where the block began.
        var mark = e.End.Line > 0 && e.End.Index >= e.Start.Index ? e.End : e.Start;
        var said = e.InnerException?.Message ?? e.Message;
        foreach (var line in (ReadOnlySpan<long>)[e.Start.Line, mark.Line, mark.Line - 1, mark.Line + 1])
        {
            if (Hint(LineAt(file, line)) is var (column, hint)) return new((int)line, column, hint);
        }

        return new((int)mark.Line, (int)mark.Column, $"is no YAML: {said}");
    }

    /// <summary>The first byte that is no UTF-8.</summary>
    public static YamlSyntaxFault OfBytes(byte[] file)
    {
        var (line, start) = (1, 0);
        while (start < file.Length)
        {
            var length = file.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var end ? end + 1 : file.Length - start;
            var text = file.AsSpan(start, length);
            if (!Utf8.IsValid(text)) break;
            (line, start) = (line + 1, start + length);
        }

        return new(line, 1, "this line is not in UTF-8");
    }

    /// <summary>A mapping's value or a list's item begins with a character that means something to YAML.</summary>
    private static (int Column, string Text)? Hint(string line)
    {
        var indent = line.AsSpan().TrimStart(' ');
        if (indent.StartsWith("\t")) return (line.Length - indent.Length + 1, "is no YAML: the line begins with a tab; write spaces");
        if (Bracketed().Match(line) is { Success: true } address)
        {
            return (address.Groups["text"].Index + 1, $"to YAML a list begins here; an address in brackets must be in quotes: \"{address.Groups["text"].Value}\"");
        }

        return Starred().Match(line) is { Success: true } star
            ? (star.Groups["text"].Index + 1, $"to YAML an alias begins here; a name with an asterisk must be in quotes: \"{star.Groups["text"].Value}\"")
            : null;
    }

    private static string LineAt(byte[] file, long number)
    {
        var rest = file.AsSpan();
        for (var line = 1L; line < number; line++)
        {
            var end = rest.IndexOf((byte)'\n');
            if (end < 0) return "";
            rest = rest[(end + 1)..];
        }

        var length = rest.IndexOf((byte)'\n') is >= 0 and var stop ? stop : rest.Length;
        return Encoding.UTF8.GetString(rest[..Math.Min(length, 1_000)]);
    }

    [GeneratedRegex(@"[:\-\[,]\s*(?<text>\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\](?::\d+)?)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Bracketed();

    [GeneratedRegex(@"[:\-\[,]\s*(?<text>\*{1,2}(?:\.[A-Za-z0-9.\-]+)?)(?=[\s,\]]|$)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Starred();
}

using System.Text.RegularExpressions;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>A line of httplog or tcplog in its fields, by the grammar of HAProxy's documentation (§8.2.2, §8.2.3).</summary>
internal static partial class LogFields
{
    /// <summary>Field by field, with what differs from run to run replaced: ports, dates, and times that were measured; and without the bytes of HTTP.</summary>
    public static IReadOnlyList<string> Http(string line)
    {
        var match = HttpLine().Match(line);
        Assert.True(match.Success, $"not httplog: {line}");
        return [.. Fields(match).Where(f => !f.StartsWith("bytes ", StringComparison.Ordinal))];
    }

    public static IReadOnlyList<string> Tcp(string line)
    {
        var match = TcpLine().Match(line);
        Assert.True(match.Success, $"not tcplog: {line}");
        return Fields(match);
    }

    private static List<string> Fields(Match match) =>
        [.. match.Groups.Values.Skip(1).Select(g => $"{g.Name} {(g.Name is "times" ? Measured(g.Value) : g.Name is "client" ? g.Value[..g.Value.LastIndexOf(':')] : g.Value)}")];

    /// <summary>What was never reached stays -1; what was measured is <c>t</c>.</summary>
    private static string Measured(string times) => string.Join('/', times.Split('/').Select(t => t == "-1" ? t : "t"));

    [GeneratedRegex("""^(?<client>\S+) \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] (?<frontend>\S+) (?<server>\S+/\S+) (?<times>-?\d+/-?\d+/-?\d+/-?\d+/\d+) (?<status>\d+|-1) (?<bytes>\d+) (?<cookies>\S+ \S+) (?<state>[-A-Za-z]{4}) (?<counts>\d+/\d+/\d+/\d+/\+?\d+) (?<queues>\d+/\d+) "(?<request>.*)"$""", RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex HttpLine();

    [GeneratedRegex("""^(?<client>\S+) \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] (?<frontend>\S+) (?<server>\S+/\S+) (?<times>-?\d+/-?\d+/\d+) (?<bytes>\d+) (?<state>[-A-Za-z]{2}) (?<counts>\d+/\d+/\d+/\d+/\+?\d+) (?<queues>\d+/\d+)$""", RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex TcpLine();
}

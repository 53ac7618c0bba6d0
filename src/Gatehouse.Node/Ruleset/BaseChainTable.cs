namespace Gatehouse.Node.Ruleset;

/// <summary>A chain of the templates.</summary>
/// <param name="Hook">Where packets enter it (<c>type … hook … priority …</c>); null when only rules lead to it.</param>
internal sealed record BaseChain(string Name, string? Hook, IReadOnlyList<string> Rules);

/// <summary>Reads the templates' text, already filled, chain by chain.</summary>
internal static class BaseChainTable
{
    public static List<BaseChain> Read(string text)
    {
        var chains = new List<BaseChain>();
        foreach (var block in text.Split("chain ", StringSplitOptions.None)[1..])
        {
            string[] lines = [.. block.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
            var hook = lines.Length > 1 && lines[1].StartsWith("type ", StringComparison.Ordinal) ? lines[1] : null;
            chains.Add(new(lines[0].TrimEnd(' ', '{'), hook, [.. lines.Skip(hook is null ? 1 : 2).TakeWhile(l => l != "}")]));
        }

        return chains;
    }
}

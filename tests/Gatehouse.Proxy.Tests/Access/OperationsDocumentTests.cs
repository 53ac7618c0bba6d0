using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Metrics;
using Gatehouse.Proxy.Tests.Configuration;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>docs/operations/proxy.md lists what the engine has; GATEHOUSE_UPDATE_GOLDEN=1 writes its tables.</summary>
public sealed partial class OperationsDocumentTests
{
    private const string File = "docs/operations/proxy.md";

    [Fact]
    public void Every_metric_is_in_the_table() => Check("metrics", "| metric | type | labels | |\n|---|---|---|---|\n",
        MetricList.All.Select(f => $"| `{f.Name}` | {f.Kind.ToString().ToLowerInvariant()} | {string.Join(", ", f.Labels.Select(l => $"`{l}`"))} | {f.Help} |"));

    [Fact]
    public void Every_reason_is_in_the_table() => Check("reasons", "| reason | the log says |\n|---|---|\n",
        RefusalReasons.All.Select(r => $"| `{RefusalReasons.Name(r)}` | {RefusalReasons.Text(r)} |"));

    [Fact]
    public void Reasons_and_metrics_that_the_text_names_exist()
    {
        var text = Documents.Read(File);
        var reasons = RefusalReasons.All.Select(RefusalReasons.Name).ToHashSet(StringComparer.Ordinal);
        var limits = text[text.IndexOf("## Limits", StringComparison.Ordinal)..text.IndexOf("## Access log", StringComparison.Ordinal)];
        Assert.All(Reason().Matches(limits), m => Assert.Contains(m.Groups[1].Value, reasons));
        Assert.All(Metric().Matches(text), m => Assert.Contains(m.Value, MetricList.All.Select(f => f.Name)));
    }

    private static void Check(string part, string head, IEnumerable<string> rows)
    {
        var text = Documents.Read(File);
        var from = text.IndexOf($"<!-- {part} -->\n", StringComparison.Ordinal) + part.Length + 10;
        var to = text.IndexOf($"<!-- end of {part} -->", StringComparison.Ordinal);
        Documents.Check(new StringBuilder(text[..from]).Append(head).AppendJoin('\n', rows).Append('\n').Append(text[to..]).ToString(), File);
    }

    [GeneratedRegex("`(?!gatehouse_)([a-z]+(?:_[a-z]+)+)`", RegexOptions.None, 5_000)]
    private static partial Regex Reason();

    [GeneratedRegex("gatehouse_proxy_[a-z_]+", RegexOptions.None, 5_000)]
    private static partial Regex Metric();
}

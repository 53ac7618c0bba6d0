using System.Text;
using Gatehouse.Proxy.Configuration.Form;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>What a hostile or broken file costs.</summary>
public sealed class BoundTests
{
    [Fact]
    public void Aliases_do_not_multiply_without_bound()
    {
        var text = new StringBuilder("virtualHosts:\n  - &a0 { hosts: a, routes: &r [{ respond: 200 }] }\n");
        text.Insert(0, "# nine levels of nine: two billion values, were they written out\n");
        text.Append("listeners:\n  - &l0 [x, x, x, x, x, x, x, x, x]\n");
        for (var level = 1; level <= 9; level++) text.Append($"  - &l{level} [{string.Join(", ", Enumerable.Repeat($"*l{level - 1}", 9))}]\n");

        var faults = Read.Yaml(text.ToString()).Faults;

        Assert.All(faults, f => Assert.StartsWith("a list stands here", f.Message, StringComparison.Ordinal));
        Assert.Equal(10, faults.Count);
    }

    [Fact]
    public void Values_behind_aliases_are_counted()
    {
        var text = new StringBuilder("x: &routes\n");
        for (var i = 0; i < 2_000; i++) text.Append($"  - {{ path: /{i}, respond: 200 }}\n");
        text.Append("virtualHosts:\n");
        for (var i = 0; i < 2_000; i++) text.Append($"  - {{ hosts: h{i}, routes: *routes }}\n");

        var faults = Read.Yaml(text.ToString()).Faults;

        Assert.Equal(["is not known; there are engine, accessLog, listeners, virtualHosts, upstreams, certificates", "with its aliases this is more than 4,000,000 values: write less"], faults.Select(f => f.Message));
    }

    [Fact]
    public void Depth_and_number_of_values_end_the_reading()
    {
        Assert.Equal(["routes.yaml:1:33: more than 32 levels: nothing here is that deep"], Read.Faults(new string('[', 100_000)));
        var (table, fault) = YamlTableReader.Read(Encoding.UTF8.GetBytes("a: [" + string.Concat(Enumerable.Repeat("x,", YamlTableReader.MaxNodes)) + "]"));
        Assert.Null(table);
        Assert.Equal("more than 2,000,000 values in one file: divide it", fault!.Message);
    }

    [Fact]
    public void More_faults_than_a_person_reads_are_counted_no_further()
    {
        var faults = Read.Yaml("upstreams:\n" + string.Concat(Enumerable.Range(0, 3_000).Select(i => $"  - {{ name: u{i}, retries: 101 }}\n"))).Faults;

        Assert.Equal(ConfigCheck.MaxFaults + 1, faults.Count);
        Assert.Contains(faults, f => f.Message == "and more: only the first 1,000 are told");
    }

    [Fact]
    public void What_is_no_UTF8_is_told_with_its_line()
    {
        var outcome = RoutesFile.Read([.. "listeners: []\nengine: { user: "u8, 0xC3, 0x28, .. " }\n"u8], "routes.yaml", "/", TimeProvider.System);

        Assert.Equal(["routes.yaml:2:1: this line is not in UTF-8"], outcome.Faults.Select(f => f.ToString()));
    }

    [Fact]
    public void A_byte_order_mark_is_no_fault() =>
        Assert.Empty(RoutesFile.Read([0xEF, 0xBB, 0xBF, .. "engine: { threads: 2 }\n"u8], "routes.yaml", "/", TimeProvider.System).Faults);

    [Fact]
    public void A_file_that_is_not_there_is_told_and_watched()
    {
        using var folder = new TemporaryDirectory();
        var outcome = RoutesFile.Load(folder["routes.yaml"], TimeProvider.System);

        Assert.Null(outcome.Config);
        Assert.Equal([folder["routes.yaml"]], outcome.Files);
        Assert.StartsWith($"{folder["routes.yaml"]}: cannot be read: Could not find file", Assert.Single(outcome.Faults).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("listener", "listeners", "listeners")]
    [InlineData("Listeners", "listeners", "listeners")]
    [InlineData("lisetners", "listeners", "listeners")]
    [InlineData("to", "path", null)]
    [InlineData("x", "y", null)]
    [InlineData("", "a", null)]
    [InlineData("app", "ap", "ap")]
    public void The_nearest_word_is_the_one_that_was_meant(string word, string known, string? nearest) => Assert.Equal(nearest, Nearest.To(word, [known]));
}

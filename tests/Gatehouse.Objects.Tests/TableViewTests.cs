using System.Text.Json;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Tests;

public sealed class TableViewTests
{
    private const string Sample = """
        {"metadata":{"name":"shop","creationTimestamp":"2026-03-01T11:55:00Z"},"a":{"b":[{"c":1},{"c":"x"},{"d":2}],"list":["p","q"],"flag":true,"none":null,"object":{"k":1}}}
        """;

    [Theory]
    [InlineData("metadata.name", "shop")]
    [InlineData("a.b[*].c", "1,x")]
    [InlineData("a.b[1].c", "x")]
    [InlineData("a.b[9].c", "")]
    [InlineData("a.list", "p,q")]
    [InlineData("a.list[0]", "p")]
    [InlineData("a.flag", "true")]
    [InlineData("a.none", "")]
    [InlineData("a.object", "{\"k\":1}")]
    [InlineData("a.missing.deeper", "")]
    [InlineData("metadata.name.deeper", "")]
    [InlineData("metadata.name[*]", "")]
    public void Paths_read_text(string path, string expected)
    {
        using var document = JsonDocument.Parse(Sample);
        Assert.Equal(expected, FieldPath.Parse(path).Text(document.RootElement));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData("a[x]")]
    [InlineData("a[-1]")]
    [InlineData("[*]")]
    public void What_is_no_path_is_refused(string path) => Assert.Throws<FormatException>(() => FieldPath.Parse(path));

    [Fact]
    public void A_table_has_name_columns_age_and_then_the_wide_ones()
    {
        using var document = JsonDocument.Parse("""
            {"metadata":{"name":"shop","creationTimestamp":"2026-03-01T11:55:00Z"},"spec":{"policies":["roundRobin","closest"]},
             "status":{"addresses":[{"ipv4":"10.30.0.1","ipv6":"fdff:2000::1"},{"ipv4":"10.30.0.2"}]}}
            """);
        var view = new TableView(FabricService.Info);
        Assert.Equal(["NAME", "POLICIES", "ADDRESSES", "AGE", "ADDRESSES6"], view.Headings.Select(h => h.Name));
        Assert.Equal(["shop", "roundRobin,closest", "10.30.0.1,10.30.0.2", "5m", "fdff:2000::1"], view.Cells(document.RootElement, new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)));
    }

    [Theory]
    [InlineData(-5, "0s")]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(125, "2m5s")]
    [InlineData(600, "10m")]
    [InlineData(10_799, "179m")]
    [InlineData(10_800, "3h")]
    [InlineData(10_860, "3h1m")]
    [InlineData(28_800, "8h")]
    [InlineData(172_800, "2d")]
    [InlineData(176_400, "2d1h")]
    [InlineData(691_200, "8d")]
    [InlineData(63_072_000, "2y")]
    [InlineData(63_158_400, "2y1d")]
    public void Ages_are_short(long seconds, string expected) => Assert.Equal(expected, HumanDuration.Of(TimeSpan.FromSeconds(seconds)));
}

using Gatehouse.TestKit;

namespace Gatehouse.Repo.Tests.TestKit;

public sealed class GoldenFileTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_taken_over_is_what_is_expected()
    {
        GoldenFile.Check("one\ntwo\n", _folder["new", "case.txt"], update: true);
        GoldenFile.Check("one\ntwo", _folder["new", "case.txt"], update: false);
        GoldenFile.Check("one\r\ntwo\r\n", _folder["new", "case.txt"], update: false);
    }

    [Theory]
    [InlineData("one\nTWO\n", "line 2", "two", "TWO")]
    [InlineData("one\n", "line 2", "two", "")]
    [InlineData("one\ntwo\nthree\n", "line 3", "", "three")]
    public void A_difference_is_shown_with_its_line(string actual, string where, string expected, string shown)
    {
        GoldenFile.Check("one\ntwo\n", _folder["case.txt"], update: true);
        var fault = Assert.Throws<GoldenFileException>(() => GoldenFile.Check(actual, _folder["case.txt"], update: false));
        Assert.Contains(where, fault.Message, StringComparison.Ordinal);
        Assert.Contains($"expected: {expected}", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"actual:   {shown}", fault.Message, StringComparison.Ordinal);
        Assert.Contains(GoldenFile.UpdateSwitch, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_a_failure_that_shows_the_text()
    {
        var fault = Assert.Throws<GoldenFileException>(() => GoldenFile.Check("the text", _folder["none.txt"], update: false));
        Assert.Contains("the text", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["none.txt"]));
    }
}

using Gatehouse.Api.Identity;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Identity;

public sealed class TokenFileTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);
    private readonly TemporaryDirectory _directory = new();
    private readonly BearerTokens _tokens = new();

    private string Path => _directory["management-tokens"];

    [Fact]
    public void Refresh_AsTheFileChanges_TokensComeAndGo()
    {
        var file = new TokenFile(Path, _tokens);

        Assert.Empty(file.Refresh());
        Write("# operators\n\nann  ann-s-secret-token  2027-01-31T00:00:00Z\nbob\tbob-s-secret-token\n");
        Assert.Empty(file.Refresh());
        var ann = _tokens.Examine("ann-s-secret-token", Now);
        Assert.True(ann.User is { Name: "ann", IsMaster: true });
        Assert.Null(_tokens.Examine("ann-s-secret-token", Now.AddYears(1)).User);
        Write("bob bob-s-secret-token\n");
        Assert.Empty(file.Refresh());
        Assert.Null(_tokens.Examine("ann-s-secret-token", Now).User);
        Assert.NotNull(_tokens.Examine("bob-s-secret-token", Now).User);
        File.Delete(Path);
        Assert.Empty(file.Refresh());
        Assert.Null(_tokens.Examine("bob-s-secret-token", Now).User);
    }

    [Fact]
    public void Refresh_Groups_MakeSomebodyElseThanAnOperator()
    {
        var file = new TokenFile(Path, _tokens);
        Write("system:cluster:c1 the-token-of-c1-itself - system:clusters\ndev the-token-of-a-dev 2027-01-31T00:00:00Z developers,readers\n");

        Assert.Empty(file.Refresh());

        Assert.Equal(["system:clusters"], _tokens.Examine("the-token-of-c1-itself", Now.AddYears(50)).User!.Groups);
        Assert.Equal(["developers", "readers"], _tokens.Examine("the-token-of-a-dev", Now).User!.Groups);
        Assert.Null(_tokens.Examine("the-token-of-a-dev", Now.AddYears(1)).User);
        Write("dev the-token-of-a-dev - a,,b\n");
        Assert.Contains("must be groups with commas between them", Assert.Single(file.Refresh()).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Refresh_FaultyFile_ReportsEveryLineOnceAndKeepsTheLastGoodState()
    {
        var file = new TokenFile(Path, _tokens);
        Write("bob bob-s-secret-token\n");
        file.Refresh();

        Write("lonely\nann short\neve eve-s-secret-token tomorrow-ish\nbob bob-s-secret-token\nbob2 bob-s-secret-token\na b c d\n");
        var faults = file.Refresh();

        Assert.Equal(["line 1", "line 2", "line 3", "line 5", "line 6"], faults.Select(f => f.Field));
        Assert.DoesNotContain(faults, f => f.ToString().Contains("secret", StringComparison.Ordinal));
        Assert.Empty(file.Refresh());
        Assert.NotNull(_tokens.Examine("bob-s-secret-token", Now).User);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Refresh_OthersCanGetAtIt_IsRefused(UnixFileMode mode)
    {
        var file = new TokenFile(Path, _tokens);
        Write("bob bob-s-secret-token\n");
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | mode);

        Assert.Contains("readable by its owner alone", Assert.Single(file.Refresh()).Expected, StringComparison.Ordinal);
        Assert.Null(_tokens.Examine("bob-s-secret-token", Now).User);
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Empty(file.Refresh());
        Assert.NotNull(_tokens.Examine("bob-s-secret-token", Now).User);
    }

    [Fact]
    public void Refresh_TooLong_IsRefused()
    {
        Write(new string('#', TokenFile.MaxBytes + 1));

        Assert.Single(new TokenFile(Path, _tokens).Refresh());
    }

    public void Dispose() => _directory.Dispose();

    private void Write(string text)
    {
        File.WriteAllText(Path, text);
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}

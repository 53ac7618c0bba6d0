using Gatehouse.TestKit;

namespace Gatehouse.Lab.Tests;

public sealed class RootlessNeedsTests
{
    [Fact]
    public void An_unmet_need_is_told_with_its_cure()
    {
        using var folder = new TemporaryDirectory();
        var line = Assert.Single(RootlessNeeds.Unmet(folder["none"]));
        Assert.Contains($"as root, chmod 0666 {folder["none"]}", line, StringComparison.Ordinal);
        File.WriteAllText(folder["open"], "");
        Assert.Empty(RootlessNeeds.Unmet(folder["open"]));
    }
}

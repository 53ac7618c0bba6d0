namespace Gatehouse.Lab.Tests;

public sealed class RootlessNeedsTests
{
    [Theory]
    [InlineData(true, 4_194_304L, 0)]
    [InlineData(true, null, 0)]
    [InlineData(false, 4_194_304L, 1)]
    [InlineData(true, 212_992L, 1)]
    [InlineData(false, 212_992L, 2)]
    public void Each_unmet_need_is_told_with_its_cure(bool tun, long? sendBuffer, int count)
    {
        var unmet = RootlessNeeds.Unmet(tun, sendBuffer);

        Assert.Equal(count, unmet.Count);
        Assert.All(unmet, line => Assert.Contains("as root, ", line, StringComparison.Ordinal));
    }
}

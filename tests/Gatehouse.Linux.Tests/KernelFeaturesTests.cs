using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Tests;

public sealed class KernelFeaturesTests
{
    [Fact]
    public void This_kernel_can_do_all_and_nothing_is_left_behind()
    {
        var before = Links();
        var features = KernelFeatures.Check();

        Assert.All(features, static feature => Assert.True(feature.Works, $"{feature.Name}: {feature.Missing}"));
        Assert.All(features, static feature => Assert.Null(feature.Missing));
        Assert.Equal(features.Count, features.Select(static feature => feature.Name).Distinct().Count());
        Assert.True(features.Count > 20);
        Assert.Equal(before, Links());
    }

    private static List<string> Links()
    {
        using var route = RouteSocket.Open();
        return [.. route.Links().Select(static link => link.Name).Where(static name => name.StartsWith("ghp", StringComparison.Ordinal))];
    }
}

using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Tests;

public sealed class KernelFeaturesTests
{
    [Fact]
    public void This_kernel_can_do_all_and_nothing_is_left_behind()
    {
        Host.RequireTun();
        var before = Links();
        var features = KernelFeatures.Check();

        Assert.All(features, static feature => Assert.True(feature.Works, $"{feature.Name}: {feature.Missing}"));
        Assert.All(features, static feature => Assert.Null(feature.Missing));
        Assert.Equal(features.Count, features.Select(static feature => feature.Name).Distinct().Count());
        Assert.True(features.Count > 20);
        Assert.Equal(before, Links());
    }

    [Fact]
    public void What_a_kernel_cannot_do_is_said_in_words_and_the_rest_is_tried()
    {
        var features = KernelFeatures.Check(
        [
            new("wishes", "grants three wishes", "CONFIG_FAIRY", static (ns, _) => KernelFeatures.Run(ns, "chain c { wish 3; }")),
            new("bridge", "joins", "CONFIG_BRIDGE", static (_, route) => route.CreateBridge(new BridgeOptions("ghp0"))),
        ]);

        Assert.Equal(["namespaces", "wishes", "bridge"], features.Select(static feature => feature.Name));
        Assert.Equal([true, false, true], features.Select(static feature => feature.Works));
        Assert.Contains("CONFIG_FAIRY is needed", features[1].Missing, StringComparison.Ordinal);
        Assert.Contains("Error: No symbol type information", features[1].Missing, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', features[1].Missing!);
    }

    private static List<string> Links()
    {
        using var route = RouteSocket.Open();
        return [.. route.Links().Select(static link => link.Name).Where(static name => name.StartsWith("ghp", StringComparison.Ordinal))];
    }
}

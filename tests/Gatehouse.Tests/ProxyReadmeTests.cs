using System.Globalization;
using System.Text.RegularExpressions;
using Gatehouse.TestKit;
using Gatehouse.Tests.Proxy;

namespace Gatehouse.Tests;

/// <summary>The proxy's block of the README, as it stands there but for its port.</summary>
public sealed class ProxyReadmeTests
{
    [Fact]
    public async Task The_minute_works()
    {
        var root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));
        var text = await File.ReadAllTextAsync(Path.Combine(root, "README.md"), TestContext.Current.CancellationToken);
        var block = Regex.Match(text, "```sh\n(cat > routes.yaml.*?)```", RegexOptions.Singleline, TimeSpan.FromSeconds(1)).Groups[1].Value;
        Assert.NotEmpty(block);
        using var folder = new TemporaryDirectory();
        var script = block.Replace("8080", ProxyProcess.FreePort().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

        var result = await ShellCommand.RunAsync("bash", ["-ec", $"PATH={AppContext.BaseDirectory}:$PATH\n{script}"], folder[""]);

        Assert.True(result.ExitCode == 0, $"{script}\n{result.Output}{result.Errors}\n");
        Assert.Contains("routes.yaml: 1 listener, 1 virtual host, 2 routes, 1 upstream, 2 endpoints: valid", result.Output, StringComparison.Ordinal);
        Assert.Contains("\nhello\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("shop/api", result.Output, StringComparison.Ordinal);
        Assert.Contains("gatehouse: ends after what is begun", result.Errors, StringComparison.Ordinal);
    }
}

using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>Reads YAML as <c>routes.yaml</c>.</summary>
internal static class Read
{
    public static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    public static ConfigOutcome Yaml(string text, string folder = "/") => RoutesFile.Read(Encoding.UTF8.GetBytes(text), "routes.yaml", folder, new ManualTimeProvider(Now));

    /// <summary>What is read of a text that must be right.</summary>
    public static ProxyConfig Right(string text, string folder = "/")
    {
        var outcome = Yaml(text, folder);
        Assert.True(outcome.Faults.Count == 0, string.Join('\n', outcome.Faults));
        return outcome.Config!;
    }

    public static IEnumerable<string> Faults(string text, string folder = "/") => Yaml(text, folder).Faults.Select(f => f.ToString());
}

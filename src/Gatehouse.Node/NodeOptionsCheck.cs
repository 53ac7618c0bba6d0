using System.Net;
using Gatehouse.Node.Overlay;
using Gatehouse.Objects;

namespace Gatehouse.Node;

/// <summary>Checks a node's options, all at once.</summary>
internal static class NodeOptionsCheck
{
    private const int LongestPrefix = 8;
    private static readonly IPNetwork Platform6 = IPNetwork.Parse("fc00::/64");

    public static IEnumerable<Fault> Check(NodeOptions options)
    {
        if (!Names.IsSubdomain(options.Name)) yield return new Fault("name", options.Name, Names.SubdomainRule);
        foreach (var (field, address) in options.PublicAddresses.Select((a, i) => ($"publicAddresses[{i}]", a)).Prepend(("underlay", options.Underlay)))
        {
            if (IsPlatform(address)) yield return new Fault(field, address.ToString(), "must lie outside of the platform's own 10.16.0.0/12, fc00::/64 and fdff::/16");
        }

        if (options.TunnelPort is < 1 or > 65_535) yield return new Fault("tunnelPort", $"{options.TunnelPort}", "must be between 1 and 65535");
        if (options.ManagementPort is < 1 or > 65_535) yield return new Fault("managementPort", $"{options.ManagementPort}", "must be between 1 and 65535");
        if (options.Vni is 0 or > 0xFF_FFFF) yield return new Fault("vni", $"{options.Vni}", "must be between 1 and 16777215");
        if (options.DevicePrefix.Length is 0 or > LongestPrefix || options.DevicePrefix.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not '-'))
            yield return new Fault("devicePrefix", options.DevicePrefix, $"must be 1 to {LongestPrefix} letters, digits or '-'");
        if (options.Table.Length == 0 || !char.IsAsciiLetter(options.Table[0]) || options.Table.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-')))
            yield return new Fault("table", options.Table, "must be letters, digits, '-' or '_', and start with a letter");
    }

    /// <exception cref="ArgumentException">Names every fault.</exception>
    public static void Throw(NodeOptions options)
    {
        var faults = Check(options).ToArray();
        if (faults.Length > 0) throw new ArgumentException($"node: {string.Join("; ", faults.Select(f => f.ToString()))}", nameof(options));
    }

    private static bool IsPlatform(IPAddress address) =>
        OverlayAddresses.Platform4.Contains(address) || OverlayAddresses.Services6.Contains(address) || Platform6.Contains(address);
}

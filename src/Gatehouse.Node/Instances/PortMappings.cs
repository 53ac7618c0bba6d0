using System.Globalization;
using Gatehouse.Addressing.Balancing;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Instances;

/// <summary>A port of the host that leads to a port of an instance.</summary>
/// <param name="Protocol">6 for TCP, 17 for UDP.</param>
internal readonly record struct PortMapping(byte Protocol, ushort HostPort, ushort InstancePort)
{
    public override string ToString() => $"{HostPort}:{InstancePort}/{(Protocol == 6 ? "tcp" : "udp")}";
}

/// <summary>
/// Oakestra's port mappings, <c>80:8080/tcp;53:53/udp</c>. They bind to the host's own addresses and to nothing else: a mapped 443 does not catch what instances send to
/// port 443 of the world.
/// </summary>
internal static class PortMappings
{
    private const ushort SecureShell = 22;

    /// <summary>The chain that mapped ports use: one slot, the client's address stays.</summary>
    public static PolicyChain Chain { get; } = new(ChainUse.Kept, SlotDraw.Next, 1, 0);

    /// <summary>Reads a text.</summary>
    /// <exception cref="AttachRefusedException">Names every part that is wrong.</exception>
    public static IReadOnlyList<PortMapping> Parse(string? text)
    {
        var mappings = new List<PortMapping>();
        var faults = new List<string>();
        foreach (var part in (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (TryParse(part, out var mapping)) mappings.Add(mapping);
            else faults.Add($"'{part}'");
        }

        return faults.Count == 0 ? mappings
            : throw new AttachRefusedException($"portMappings: {string.Join(", ", faults)} can't be read: write HOST:INSTANCE, HOST:INSTANCE/tcp or /udp, ports 1 to 65535, separated by ';'");
    }

    /// <summary>Refuses what can't be mapped.</summary>
    /// <exception cref="AttachRefusedException">Names every port and who has it.</exception>
    public static void Check(string? text, string name, IEnumerable<AttachedInstance> others, NodeOptions options)
    {
        var faults = new List<string>();
        var mappings = Parse(text);
        var taken = others.SelectMany(o => Parse(o.PortMappings).Select(m => (m, o.Name))).ToArray();
        foreach (var mapping in mappings)
        {
            if (IsReserved(mapping.Protocol, mapping.HostPort, options)) faults.Add($"{mapping}: the host needs port {mapping.HostPort} itself");
            foreach (var (_, owner) in taken.Where(t => (t.m.Protocol, t.m.HostPort) == (mapping.Protocol, mapping.HostPort)))
                faults.Add($"{mapping}: {owner} has port {mapping.HostPort}");
        }

        faults.AddRange(mappings.GroupBy(m => (m.Protocol, m.HostPort)).Where(g => g.Count() > 1).Select(g => $"{g.First()}: port {g.Key.HostPort} stands twice"));
        if (faults.Count > 0) throw new AttachRefusedException($"portMappings of {name}: {string.Join("; ", faults)}");
    }

    /// <summary>Ports that are never translated, whoever asks: secure shell, the tunnel, the gateway's management.</summary>
    public static bool IsReserved(byte protocol, ushort port, NodeOptions options) =>
        (protocol == 6 && (port == SecureShell || port == options.ManagementPort)) || (protocol == 17 && port == options.TunnelPort);

    /// <summary>The elements of an instance's mappings.</summary>
    public static IEnumerable<NftElement> Of(AttachedInstance instance, OverlayAddresses addresses, NodeOptions options)
    {
        foreach (var mapping in Parse(instance.PortMappings).Where(m => !IsReserved(m.Protocol, m.HostPort, options)))
        {
            foreach (var here in options.PublicAddresses.Append(options.Underlay).Distinct())
            {
                var family = IpFamilies.Of(here);
                var schema = NftSchema.For(family);
                var space = family == IpFamily.V4 ? addresses.Host4(instance.Host) : addresses.Host6(instance.Host);
                yield return NftElement.Map(schema.Exposed, [Chain.Code], here, mapping.Protocol, mapping.HostPort);
                yield return NftElement.Map(schema.ExposedSlots, [space, mapping.InstancePort], here, mapping.Protocol, mapping.HostPort, 0u);
            }
        }
    }

    private static bool TryParse(string part, out PortMapping mapping)
    {
        mapping = default;
        var (ports, protocol) = part.Split('/') switch
        {
            [var p] => (p, "tcp"),
            [var p, var proto] => (p, proto.ToLowerInvariant()),
            _ => ("", ""),
        };
        if (protocol is not ("tcp" or "udp") || ports.Split(':') is not [var host, var inside]) return false;
        if (!TryPort(host, out var hostPort) || !TryPort(inside, out var instancePort)) return false;
        mapping = new(protocol == "tcp" ? (byte)6 : (byte)17, hostPort, instancePort);
        return true;
    }

    private static bool TryPort(string text, out ushort port) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port != 0;
}

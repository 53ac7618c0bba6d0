namespace Gatehouse.Lab;

/// <summary>Wires the lab's hosts by the plan.</summary>
internal static class LabNetwork
{
    public static async Task WireAsync(string directory, LabState lab, LabTopology topology, CancellationToken cancellation)
    {
        await IpAsync("wiring the lab", directory, lab, host: null, LabNetworkPlan.Switches(topology, h => lab.Inits[h.Name]), cancellation);
        foreach (var host in topology.Hosts) await IpAsync($"giving {host.Name} its addresses", directory, lab, host.Name, LabNetworkPlan.Addresses(host), cancellation);
    }

    private static Task<string> IpAsync(string act, string directory, LabState lab, string? host, IEnumerable<string> lines, CancellationToken cancellation) =>
        Tool.RunAsync(act, [.. LabNamespaces.Enter(directory, lab, host), "ip", "-batch", "-"], string.Join('\n', lines) + "\n", cancellation);
}

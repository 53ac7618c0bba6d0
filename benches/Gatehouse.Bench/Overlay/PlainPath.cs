using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>
/// The barest peer: a VXLAN between two more hosts on the lab's own switch, each with a link into one of the very namespaces that the overlay joins. Those
/// hosts have addresses and routes and nothing else: no table, no rule, no connection tracking.
/// </summary>
/// <remarks>The same kinds of links, as many of them, and the same MTU as on the overlay's way.</remarks>
internal sealed class PlainPath : IAsyncDisposable
{
    /// <summary>Where the server's namespace answers on the plain way.</summary>
    public const string Server = "172.31.2.2";

    private const int Vni = 77;
    private readonly int _switches;
    private readonly string[] _names = [$"gb{Environment.ProcessId}a", $"gb{Environment.ProcessId}b"];

    private PlainPath(int switches) => _switches = switches;

    /// <param name="switches">The process in whose network the lab's switches are.</param>
    /// <param name="client">A process in the client's namespace.</param>
    public static async Task<PlainPath> CreateAsync(int switches, int client, int server, int mtu, CancellationToken cancellation)
    {
        var path = new PlainPath(switches);
        try
        {
            await path.HostAsync(0, client, mtu, cancellation);
            await path.HostAsync(1, server, mtu, cancellation);
            return path;
        }
        catch
        {
            await path.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in _names) NetworkNamespace.Delete(name);
        foreach (var side in (int[])[0, 1])
        {
            try
            {
                await HostTool.RunAsync([.. HostTool.InNetworkOf(_switches), "ip", "link", "delete", Port(side)], CancellationToken.None);
            }
            catch (InvalidOperationException)
            {
                // It went with its other end.
            }
        }
    }

    private static string Port(int side) => $"plain{side}";

    private static string Underlay(int side) => $"192.168.250.{side + 1}";

    private async Task HostAsync(int side, int instance, int mtu, CancellationToken cancellation)
    {
        var (name, there, other) = (_names[side], side + 1, 2 - side);
        NetworkNamespace.Create(name).Dispose();
        string[] switches = HostTool.InNetworkOf(_switches);
        await HostTool.RunAsync([.. switches, "ip", "link", "add", Port(side), "type", "veth", "peer", "name", "eth0", "netns", name], cancellation);
        await HostTool.RunAsync([.. switches, "ip", "link", "set", Port(side), "master", "underlay", "up"], cancellation);
        string[] host =
        [
            "link set lo up", $"address add {Underlay(side)}/16 dev eth0", "link set eth0 up",
            $"link add vx0 type vxlan id {Vni} dstport 4789 local {Underlay(side)} remote {Underlay(1 - side)} dev eth0 nolearning",
            $"address add 172.31.0.{there}/24 dev vx0", $"link set vx0 mtu {mtu} up", $"route add 172.31.{other}.0/24 via 172.31.0.{other}",
            $"link add in0 mtu {mtu} type veth peer name plain0 netns /proc/{instance}/ns/net", $"address add 172.31.{there}.1/24 dev in0", "link set in0 up",
        ];
        string[] inside = [$"address add 172.31.{there}.2/24 dev plain0", $"link set plain0 mtu {mtu} up", $"route add 172.31.{other}.0/24 via 172.31.{there}.1"];
        foreach (var line in host) await HostTool.RunAsync(["ip", "-n", name, .. line.Split(' ')], cancellation);
        foreach (var line in inside) await HostTool.RunAsync([.. HostTool.InNetworkOf(instance), "ip", .. line.Split(' ')], cancellation);
        using var network = NetworkNamespace.Open(name);
        Sysctl.Set("net.ipv4.ip_forward", "1", network);
    }
}

using System.Net;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Listeners;

/// <summary>Finds the sockets of this host that outside hosts reach at a gateway's public addresses: an exposure of the same port would hide them.</summary>
/// <param name="directory">Where the socket tables are. Default <c>/proc/net</c>: those of this process's network namespace.</param>
internal sealed class ListenerScan(string directory = "/proc/net")
{
    private static readonly (string File, Protocol Protocol)[] Tables =
        [("tcp", Protocol.Tcp), ("tcp6", Protocol.Tcp), ("udp", Protocol.Udp), ("udp6", Protocol.Udp)];

    /// <summary>The listeners, sorted. A table that is not there (no IPv6) has none.</summary>
    /// <param name="publicAddresses">The gateway's public addresses on this host; sockets on other single addresses don't matter.</param>
    public async Task<IReadOnlyList<HostListener>> ReadAsync(IReadOnlyList<string> publicAddresses, CancellationToken cancellation)
    {
        var sockets = new List<(Protocol, IPAddress, int)>();
        foreach (var (file, protocol) in Tables)
        {
            var path = Path.Combine(directory, file);
            if (File.Exists(path)) sockets.AddRange(ProcNetTable.Read(await File.ReadAllTextAsync(path, cancellation), protocol));
        }

        return Select(sockets, publicAddresses);
    }

    /// <summary>Those sockets that matter. A wildcard socket of IPv6 counts for both families: whether it takes IPv4 as well is not in the table.</summary>
    public static IReadOnlyList<HostListener> Select(IEnumerable<(Protocol Protocol, IPAddress Address, int Port)> sockets, IReadOnlyList<string> publicAddresses)
    {
        var wanted = publicAddresses.Select(ExposureRules.Normalise).ToHashSet(StringComparer.Ordinal);
        return [.. sockets
            .Select(s => s with { Address = s.Address.IsIPv4MappedToIPv6 ? s.Address.MapToIPv4() : s.Address })
            .Where(s => IsWildcard(s.Address) || wanted.Contains(s.Address.ToString()))
            .Select(s => new HostListener(s.Protocol, IsWildcard(s.Address) ? null : s.Address.ToString(), s.Port))
            .Distinct()
            .OrderBy(l => l.Protocol).ThenBy(l => l.Port).ThenBy(l => l.Address, StringComparer.Ordinal)];
    }

    private static bool IsWildcard(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}

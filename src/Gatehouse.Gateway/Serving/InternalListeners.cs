using System.Net;
using Gatehouse.Gateway.Management;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Serving;

/// <summary>
/// The management API's servers, one for each internal address: an address that is not there yet (the node role makes the bridge) doesn't keep the other from
/// listening. Owned by the role's loop.
/// </summary>
internal sealed class InternalListeners(int port, ManagementCertificate certificate, ManagementEndpoints endpoints, ILoggerFactory logs) : IAsyncDisposable
{
    private readonly Dictionary<IPAddress, ManagementServer> _servers = [];

    /// <summary>Where the management API listens.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => [.. _servers.Values.Select(s => s.Endpoint)];

    /// <summary>Whether it listens on an address.</summary>
    public bool Has(string? address) => address is not null && _servers.ContainsKey(IPAddress.Parse(address));

    /// <summary>Listens on these addresses and no others.</summary>
    /// <returns>Why an address can't be listened on, for people; empty when all are.</returns>
    public async Task<IReadOnlyList<string>> SetAsync(IReadOnlyList<string> addresses, CancellationToken cancellation)
    {
        var wanted = addresses.Select(IPAddress.Parse).ToHashSet();
        foreach (var gone in _servers.Keys.Where(a => !wanted.Contains(a)).ToList()) await StopAsync(gone);
        var faults = new List<string>();
        foreach (var address in wanted.Where(a => !_servers.ContainsKey(a)))
        {
            try
            {
                _servers[address] = await ManagementServer.StartAsync(new IPEndPoint(address, port), certificate, endpoints, logs, cancellation);
            }
            catch (IOException e)
            {
                faults.Add(e.Message);
            }
        }

        return faults;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var address in _servers.Keys.ToList()) await StopAsync(address);
    }

    private async Task StopAsync(IPAddress address)
    {
        if (_servers.Remove(address, out var server)) await server.DisposeAsync();
    }
}

using System.Net;

namespace Gatehouse.Serve;

/// <summary>What goes into an API server's certificate.</summary>
internal static class ServerNames
{
    /// <summary>The addresses that it listens on, what the operator adds, and the host itself.</summary>
    public static IReadOnlyList<string> Of(IReadOnlyList<IPEndPoint> listen, IReadOnlyList<string> advertise) =>
    [
        .. advertise, .. listen.Select(l => l.Address).Where(a => !a.Equals(IPAddress.Any) && !a.Equals(IPAddress.IPv6Any)).Select(a => a.ToString()),
        Environment.MachineName, "localhost", "127.0.0.1", "::1",
    ];
}

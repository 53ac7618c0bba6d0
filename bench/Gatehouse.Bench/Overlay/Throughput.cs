using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Gatehouse.Bench.Overlay;

/// <summary>One TCP stream by iperf3.</summary>
internal sealed class Throughput : IDisposable
{
    private const int Port = 5201;
    private readonly Process _server;

    /// <param name="server">A process in the server's namespace.</param>
    public Throughput(int server) => _server = HostTool.Start([.. HostTool.InNetworkOf(server), "iperf3", "--server", "--port", Number(Port)]);

    /// <summary>Gbit/s as received.</summary>
    /// <param name="client">A process in the client's namespace.</param>
    public static async Task<double> MeasureAsync(int client, string address, double seconds, CancellationToken cancellation)
    {
        // The first tenth of a second is the slow start.
        string[] command = [.. HostTool.InNetworkOf(client), "iperf3", "--client", address, "--port", Number(Port), "--time", Number(seconds), "--omit", "0.1", "--json", "--connect-timeout", "3000"];
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(seconds + 20));
        using var answer = JsonDocument.Parse(await HostTool.RunAsync(command, deadline.Token));
        return answer.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e9;
    }

    public void Dispose()
    {
        if (!_server.HasExited) _server.Kill(entireProcessTree: true);
        _server.WaitForExit();
        _server.Dispose();
    }

    private static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
}

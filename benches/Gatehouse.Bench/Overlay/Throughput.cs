using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Gatehouse.Bench.Overlay;

/// <summary>One TCP stream by iperf3.</summary>
internal sealed class Throughput : IDisposable
{
    private const int Port = 5201;
    private readonly Process _server;

    private Throughput(Process server) => _server = server;

    /// <summary>Starts the server and waits until it listens.</summary>
    /// <param name="server">A process in the server's namespace.</param>
    public static async Task<Throughput> StartAsync(int server, CancellationToken cancellation)
    {
        var process = HostTool.Start([.. HostTool.InNetworkOf(server), "iperf3", "--server", "--port", Number(Port), "--forceflush"]);
        var started = new Throughput(process);
        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("listening", StringComparison.Ordinal) == true) listening.TrySetResult();
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await listening.Task.WaitAsync(TimeSpan.FromSeconds(10), cancellation);
            return started;
        }
        catch
        {
            started.Dispose();
            throw;
        }
    }

    /// <summary>Gbit/s as received, and Gbit for each second of processor time that both ends used: a machine that is shared hardly changes that.</summary>
    /// <param name="seconds">Whole ones: iperf3 knows no others.</param>
    /// <param name="client">A process in the client's namespace.</param>
    public static async Task<Sample> MeasureAsync(int client, string address, int seconds, CancellationToken cancellation)
    {
        string[] command = [.. HostTool.InNetworkOf(client), "iperf3", "--client", address, "--port", Number(Port), "--time", Number(seconds), "--json", "--connect-timeout", "3000"];
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(seconds + 20));
        using var answer = JsonDocument.Parse(await HostTool.RunAsync(command, deadline.Token));
        if (answer.RootElement.TryGetProperty("error", out var error)) throw new InvalidOperationException($"iperf3 to {address}: {error.GetString()}");
        var end = answer.RootElement.GetProperty("end");
        var speed = end.GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e9;
        var used = end.GetProperty("cpu_utilization_percent");
        return new(speed, speed * 100 / (used.GetProperty("host_total").GetDouble() + used.GetProperty("remote_total").GetDouble()));
    }

    public void Dispose()
    {
        if (!_server.HasExited) _server.Kill(entireProcessTree: true);
        _server.WaitForExit();
        _server.Dispose();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}

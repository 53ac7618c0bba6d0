using System.Diagnostics;
using System.Text.Json;

namespace Gatehouse.Bench.Scale;

/// <summary>A process of simulated workers, seen from the comparison. It ends when its standard input does, also when this process is killed.</summary>
internal sealed class FleetProcess : IAsyncDisposable
{
    private readonly Process _process;

    private FleetProcess(Process process) => _process = process;

    public TimeSpan Processor => Usage.Processor(_process.Id);

    public double Megabytes => Usage.Megabytes(_process.Id);

    public static async Task<FleetProcess> StartAsync(FleetOrder order)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Fleet.Word]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var fleet = new FleetProcess(Process.Start(start)!);
        await fleet.WriteAsync(JsonSerializer.Serialize(order));
        return fleet;
    }

    /// <summary>Begins to register; the end shows in <see cref="ReportAsync"/>.</summary>
    public Task RegisterAsync() => WriteAsync(JsonSerializer.Serialize(new FleetCommand("register")));

    /// <summary>From now on the workers note when they hear of it.</summary>
    public async Task ExpectAsync(string mark)
    {
        await WriteAsync(JsonSerializer.Serialize(new FleetCommand("hear", mark)));
        await ReadAsync();
    }

    public async Task<FleetNews> ReportAsync()
    {
        await WriteAsync(JsonSerializer.Serialize(new FleetCommand("report")));
        return await ReadAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone, and what was not written yet with it.
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task WriteAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    private async Task<FleetNews> ReadAsync() =>
        FleetNews.Parse(await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("a process of simulated workers ended by itself"));
}

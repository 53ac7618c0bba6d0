using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.ProxyRun;

/// <summary>The program itself, <c>gatehouse proxy</c>, on a file in a folder of its own.</summary>
internal sealed partial class ProxyProgram : IAsyncDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private RunningCommand? _process;

    public string ConfigFile => _folder["routes.yaml"];

    public string Control => _folder["c"];

    public string LogFile => _folder["access.log"];

    public int Traffic { get; } = FreePort();

    public int Admin { get; } = FreePort();

    /// <summary>The pid of the engine that was started first.</summary>
    public int EnginePid { get; private set; }

    public RunningCommand Process => _process!;

    public async Task StartAsync(string config)
    {
        await File.WriteAllTextAsync(ConfigFile, config);
        _process = RunningCommand.Start(Path.Combine(AppContext.BaseDirectory, "gatehouse"), ["proxy", "--config", ConfigFile, "--control", Control]);
        var line = await _process.LineAsync("gatehouse: serves ");
        EnginePid = int.Parse(Engine().Match(line).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    /// <summary>Has it read its file again, and waits until it has.</summary>
    public async Task ReloadAsync(string config)
    {
        await File.WriteAllTextAsync(ConfigFile, config);
        await SignalAsync("HUP", Process.Id);
        await Process.LineAsync("gatehouse: serves ");
    }

    public static Task<string> SignalAsync(string signal, int pid) => ShellCommand.RequireAsync("kill", ["-" + signal, pid.ToString(CultureInfo.InvariantCulture)]);

    public HttpClient Http { get; } = new() { Timeout = Patience.Limit };

    public Task<HttpResponseMessage> AskAdminAsync(string path, int? port = null) => Http.GetAsync(new Uri($"http://127.0.0.1:{port ?? Admin}{path}"), TestContext.Current.CancellationToken);

    public async Task<double> MetricAsync(string name)
    {
        using var response = await AskAdminAsync("/metrics");
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return double.Parse(text.Split('\n').Single(l => l.StartsWith($"gatehouse_proxy_{name} ", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_process is not null) await _process.DisposeAsync();
        _folder.Dispose();
    }

    [GeneratedRegex(@"engine (\d+)", RegexOptions.None, 5_000)]
    private static partial Regex Engine();
}

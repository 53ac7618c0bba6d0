using System.Globalization;
using Gatehouse.TestKit;
using Gatehouse.Tests.Proxy;

namespace Gatehouse.Tests.ProxyRun;

/// <summary>The program itself, <c>gatehouse proxy</c>, on a file in a folder of its own.</summary>
internal sealed class ProxyProgram : IAsyncDisposable
{
    private readonly ProxyProcess _proxy = new();

    public string ConfigFile => _proxy.ConfigFile;

    public string Control => _proxy.ControlPath;

    public string LogFile => _proxy["access.log"];

    public int Traffic { get; } = ProxyProcess.FreePort();

    public int Admin { get; } = ProxyProcess.FreePort();

    /// <summary>The pid of the engine that was started first.</summary>
    public int EnginePid { get; private set; }

    public RunningCommand Process => _proxy.Parent;

    public async Task StartAsync(string config)
    {
        _proxy.Write(config);
        EnginePid = await _proxy.StartAsync();
    }

    /// <summary>Has it read its file again, and waits until it has.</summary>
    public Task<string> ReloadAsync(string config)
    {
        _proxy.Write(config);
        return _proxy.ReloadAsync();
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

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _proxy.DisposeAsync();
    }
}

using Gatehouse.Proxy.Access.Log;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>An engine that writes its access log to a file, which a test reads line by line.</summary>
internal sealed class LoggedEngine : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly EngineLog _log;
    private int _seen;

    public LoggedEngine(ProxyConfig config, AccessLogFormat format, int threads = 1, ManualTimeProvider? time = null)
    {
        Running = new RunningEngine(config, threads, time);
        _log = new EngineLog(Running.Engine, time ?? TimeProvider.System, Problems.Add);
        _log.Apply(new AccessLog { Format = format, Path = File });
    }

    public RunningEngine Running { get; }

    public List<string> Problems { get; } = [];

    public EngineLog Log => _log;

    public string File => _folder["access.log"];

    /// <summary>The next line.</summary>
    public string NextLine()
    {
        string[] lines = [];
        Assert.True(SpinWait.SpinUntil(() => (lines = Whole()).Length > _seen, Patience.Limit), $"no line after {_seen}: {string.Join('\n', lines)}");
        return lines[_seen++];
    }

    public string[] Whole()
    {
        if (!System.IO.File.Exists(File)) return [];
        var text = System.IO.File.ReadAllText(File);
        return text.Split('\n')[..^1];
    }

    public void Dispose()
    {
        try
        {
            Running.Dispose();
        }
        finally
        {
            _log.Dispose();
            _folder.Dispose();
        }
    }
}

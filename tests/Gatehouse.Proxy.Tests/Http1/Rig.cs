using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>An engine between a client and an endpoint that a test plays, with time that stands until the test lets it pass.</summary>
internal sealed class Rig : IDisposable
{
    /// <summary>What the engine adds to a response that has neither of them.</summary>
    public const string Own = "date: Sun, 01 Mar 2026 12:00:00 GMT\r\nserver: gatehouse\r\n";

    private readonly List<IDisposable> _peers = [];

    public Rig(Func<ProxyConfig, ProxyConfig>? change = null)
    {
        var config = Configs.Plain(Server);
        Engine = new RunningEngine(change is null ? config : change(config), time: new ManualTimeProvider());
    }

    public RawServer Server { get; } = new();

    public RunningEngine Engine { get; }

    public RawPeer Client => field ??= Engine.Connect();

    /// <summary>The next connection that the engine makes.</summary>
    public RawPeer Accept()
    {
        var peer = Server.Accept();
        _peers.Add(peer);
        return peer;
    }

    /// <summary>The client's request has gone to the endpoint, which has read it.</summary>
    public RawPeer Ask(string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    {
        Client.Send(request);
        var upstream = Accept();
        upstream.ReadHead();
        return upstream;
    }

    /// <summary>Does something while the loop stands, so that it finds all of it at once.</summary>
    public void HoldWhile(Action work) => RunningEngine.AtEndOfTurn(Engine.Engine.Loops[0], work);

    /// <summary>An answer of the engine itself.</summary>
    public static string Local(int status, string reason, bool close, string more = "")
    {
        var body = $"{status} {reason}\n";
        return $"HTTP/1.1 {status} {reason}\r\nserver: gatehouse\r\ndate: Sun, 01 Mar 2026 12:00:00 GMT\r\ncontent-type: text/plain\r\ncontent-length: {body.Length}\r\n{more}{(close ? "connection: close\r\n" : "")}\r\n{body}";
    }

    public void Dispose()
    {
        foreach (var peer in _peers) peer.Dispose();
        Engine.Dispose();
        Server.Dispose();
    }
}

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Tls;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Tests.Engine;

/// <summary>Configurations change while clients ask: none of them notices anything but the change.</summary>
public sealed class ChangeTests : IDisposable
{
    private readonly NamedServer[] _servers = [new("s0"), new("s1"), new("s2"), new("s3")];
    private readonly List<string> _faults = [];
    private readonly HashSet<string> _bodies = new(StringComparer.Ordinal);
    private volatile bool _ending;
    private long _answers;

    public void Dispose()
    {
        foreach (var server in _servers) server.Dispose();
    }

    [Fact(Timeout = 180_000)]
    public async Task Hundreds_of_changes_under_load_lose_no_request()
    {
        using var authority = new TestAuthority();
        using var first = authority.Issue("a.example");
        using var second = authority.Issue("a.example");
        var certificates = new[] { first, second };
        using var engine = new RunningEngine(Version(0, certificates), threads: 2);
        (bool Keeps, string Name)[] kinds = [(false, "web"), (false, "safe"), (true, "web"), (true, "safe"), (true, "web"), (false, "safe")];
        var clients = kinds.Select(c => Task.Factory.StartNew(() => Ask(engine.Address(c.Name), c.Name == "safe", c.Keeps), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        for (var i = 1; i <= 300; i++)
        {
            engine.Apply(Version(i, certificates));
            var wanted = Interlocked.Read(ref _answers) + 5;
            Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref _answers) >= wanted || _faults.Count > 0, Patience.Limit));
        }

        _ending = true;
        await Task.WhenAll(clients);
        Assert.Empty(_faults);
        Assert.Equal(["local", "s0", "s1", "s2", "s3"], _bodies.Order(StringComparer.Ordinal));
        Assert.True(engine.Figure("listener/web", Counter.Requests) + engine.Figure("listener/safe", Counter.Requests) >= _answers, "what stays goes on counting where it was");
    }

    [Fact]
    public void Idle_connections_to_an_endpoint_that_is_gone_are_closed()
    {
        using var engine = new RunningEngine(Passing(_servers[0], _servers[1]), threads: 2);
        for (var i = 0; i < 20; i++) Assert.Contains(Get(engine.Connect()), new[] { "s0", "s1" });
        Assert.True(_servers[0].Connections > 0);
        engine.Apply(Passing(_servers[1]));
        Assert.True(SpinWait.SpinUntil(() => _servers[0].Connections == 0, Patience.Limit), "they stay open");
        Assert.True(_servers[1].Connections > 0);
        Assert.Equal("s1", Get(engine.Connect()));
    }

    [Fact]
    public void Connections_that_wait_when_a_listener_goes_are_served_and_asked_to_go()
    {
        var both = Passing(_servers[0]) with { Listeners = [Plain("web"), Plain("other")] };
        using var engine = new RunningEngine(both, threads: 2);
        for (var i = 0; i < 50; i++)
        {
            // The loops do not know of them yet, or of some, when the listener goes.
            var waiting = Enumerable.Range(0, 20).Select(_ => engine.Connect("other")).ToList();
            var address = engine.Address("other");
            engine.Apply(both with { Listeners = [Plain("web")] });
            foreach (var client in waiting)
            {
                client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                var head = client.ReadHead();
                Assert.StartsWith("HTTP/1.1 200 ", head, StringComparison.Ordinal);
                Assert.Contains("connection: close\r\n", head, StringComparison.Ordinal);
                Assert.EndsWith("s0", client.ReadToEnd(), StringComparison.Ordinal);
                client.Dispose();
            }

            using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Assert.Throws<SocketException>(() => late.Connect(address));
            engine.Apply(both);
        }
    }

    [Fact]
    public void A_listener_that_moves_serves_at_its_new_address_and_keeps_what_it_has()
    {
        using var engine = new RunningEngine(Passing(_servers[0]), threads: 2);
        var kept = engine.Connect();
        Assert.Equal("s0", Get(kept));
        var former = engine.Address("web");
        engine.Move("web");
        Assert.NotEqual(former, engine.Address("web"));
        Assert.Equal("s0", Get(engine.Connect()));
        Assert.Equal("s0", Get(kept));
        engine.Settle();
        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Throws<SocketException>(() => late.Connect(former));
    }

    [Fact]
    public void A_descriptor_that_another_process_holds_too_leaves_no_loop_that_is_woken_in_vain()
    {
        // The same socket is given again and again, as after a rename or an exchange of addresses; the test holds it as a parent does, so that the kernel drops nothing by itself. More loops
        // than processors: each is interrupted where it hurts.
        const int loops = 32;
        using var engine = new RunningEngine(Passing(_servers[0]), threads: loops);
        using var held = Copy(engine.Engine.Descriptors["web"]);
        var descriptor = (int)held.DangerousGetHandle();
        var inode = File.ReadLines($"/proc/self/fdinfo/{descriptor}").Single(l => l.StartsWith("ino:", StringComparison.Ordinal))[4..].Trim();
        for (var i = 0; i < 1_000; i++)
        {
            var given = Copy(descriptor);
            Assert.True(engine.Engine.Listen("web", (int)given.DangerousGetHandle()));
            given.SetHandleAsInvalid();
        }

        engine.Settle();
        Assert.Equal(loops, Watches(long.Parse(inode, System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal("s0", Get(engine.Connect()));
    }

    /// <summary>Another descriptor of the same socket, as a parent gives it.</summary>
    private static SafeFileHandle Copy(int descriptor)
    {
        var (own, other) = UnixChannel.Pair();
        using (own)
        using (var receiver = new UnixChannel(other))
        {
            Assert.True(own.Send([], [descriptor]));
            return receiver.Receive()!.Descriptors.Single();
        }
    }

    /// <summary>How often a socket is watched by the epolls of this process (proc(5), fdinfo).</summary>
    private static int Watches(long inode)
    {
        var count = 0;
        foreach (var file in Directory.GetFiles("/proc/self/fdinfo"))
        {
            try
            {
                count += File.ReadLines(file).Count(l => l.StartsWith("tfd:", StringComparison.Ordinal) && l.Contains($" ino:{inode:x} ", StringComparison.Ordinal));
            }
            catch (IOException)
            {
                // A descriptor of another test, closed meanwhile.
            }
        }

        return count;
    }

    [Fact]
    public void A_virtual_host_belongs_to_the_listeners_that_it_names()
    {
        ProxyConfig With(params string[] of) => new()
        {
            Listeners = [Plain("web") with { DefaultUpstream = null }, Plain("other") with { DefaultUpstream = null }],
            VirtualHosts = [new VirtualHost { Name = "h", Hosts = ["*"], Listeners = [.. of], Routes = [new Route { Name = "r", Respond = new FixedResponse { Status = 200, Body = "here" } }] }],
        };
        using var engine = new RunningEngine(With());
        string[] Both() => [Get(engine.Connect("web")), Get(engine.Connect("other"))];
        Assert.Equal(["here", "here"], Both());
        engine.Apply(With("web"));
        Assert.Equal(["here", "404 Not Found\n"], Both());
        engine.Apply(With("other"));
        Assert.Equal(["404 Not Found\n", "here"], Both());
        engine.Apply(With("other", "web"));
        Assert.Equal(["here", "here"], Both());
    }

    private static Listener Plain(string name) => new() { Name = name, Address = new IPEndPoint(IPAddress.Loopback, 0), DefaultUpstream = "app" };

    private static ProxyConfig Passing(params NamedServer[] servers) => new()
    {
        Listeners = [Plain("web")],
        Upstreams = [new UpstreamGroup { Name = "app", Endpoints = [.. servers.Select(s => s.Endpoint)] }],
    };

    /// <summary>Another configuration for each number: endpoints, routes, groups, listeners and certificates come and go.</summary>
    private ProxyConfig Version(int number, TestCertificate[] certificates)
    {
        var shown = certificates[number % 2];
        var endpoints = new[] { _servers[number % 4], _servers[(number / 3) % 4] }.Distinct().Select(s => s.Endpoint);
        List<Listener> listeners = [Plain("web"), Plain("safe") with { Protocol = ListenerProtocol.Https, Tls = new ListenerTls { DefaultCertificate = "c" } }];
        if (number % 3 == 0) listeners.Add(Plain("extra"));
        if (number % 7 == 0) listeners.Add(Plain($"extra-{number}"));
        return new ProxyConfig
        {
            Listeners = [.. listeners],
            Certificates = [new Certificate { Name = "c", Chain = shown.Chain, Key = shown.Key }],
            VirtualHosts = number % 5 == 0 ? [new VirtualHost { Name = "h", Hosts = ["*"], Routes = [new Route { Name = $"r{number % 2}", Respond = new FixedResponse { Status = 200, Body = "local" } }] }] : [],
            Upstreams = [new UpstreamGroup { Name = "app", Endpoints = [.. endpoints] }, new UpstreamGroup { Name = $"other-{number}", Endpoints = [_servers[0].Endpoint] }],
        };
    }

    private static string Get(RawPeer client)
    {
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var head = client.ReadHead();
        var at = head.IndexOf("content-length: ", StringComparison.Ordinal) + 16;
        return client.Read(int.Parse(head[at..head.IndexOf('\r', at)], System.Globalization.CultureInfo.InvariantCulture));
    }

    private void Ask(IPEndPoint address, bool secure, bool keeps)
    {
        Stream? stream = null;
        try
        {
            while (!_ending)
            {
                stream ??= Open(address, secure);
                stream.Write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8);
                var (body, closes) = Read(stream);
                Interlocked.Increment(ref _answers);
                lock (_bodies) _bodies.Add(body);
                if (!closes && keeps) continue;
                stream.Dispose();
                stream = null;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or System.Security.Authentication.AuthenticationException or FormatException)
        {
            lock (_faults) _faults.Add($"{(secure ? "TLS" : "plain")}, {(keeps ? "kept" : "fresh")}: {e.Message} {e.InnerException?.Message}");
        }
        finally
        {
            stream?.Dispose();
        }
    }

    private static Stream Open(IPEndPoint address, bool secure)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds };
        socket.Connect(address);
        var plain = new NetworkStream(socket, ownsSocket: true);
        if (!secure) return plain;
        var tls = new SslStream(plain, leaveInnerStreamOpen: false, static (_, shown, _, _) => shown?.Issuer == "CN=Test authority");
        tls.AuthenticateAsClient("a.example");
        return tls;
    }

    private static (string Body, bool Closes) Read(Stream stream)
    {
        var buffer = new byte[4_096];
        for (var length = 0; ;)
        {
            var count = stream.Read(buffer, length, buffer.Length - length);
            if (count == 0) throw new IOException($"the stream ended after {length} bytes");
            length += count;
            var text = Encoding.ASCII.GetString(buffer, 0, length).ToLowerInvariant();
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0) continue;
            var status = text[9..12];
            if (status != "200") throw new FormatException($"status {status}");
            var at = text.IndexOf("content-length: ", StringComparison.Ordinal) + 16;
            var wanted = int.Parse(text[at..text.IndexOf('\r', at)], System.Globalization.CultureInfo.InvariantCulture);
            if (length >= end + 4 + wanted) return (text[(end + 4)..], text.Contains("connection: close", StringComparison.Ordinal));
        }
    }
}

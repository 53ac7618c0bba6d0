using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Admin;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Access;

public sealed class AdminServerTests : IDisposable
{
    private readonly RunningEngine _running = new(Configs.One());
    private readonly EngineState _state = new(TimeProvider.System) { IsServing = true };
    private readonly AdminServer _admin;
    private readonly IPEndPoint _address;

    public AdminServerTests()
    {
        var any = new SocketEndPoint(new IPEndPoint(IPAddress.Loopback, 0));
        var fd = SocketCalls.OpenStream(any);
        Assert.Equal(0, SocketCalls.Bind(fd, any));
        Assert.Equal(0, SocketCalls.Listen(fd, 128));
        Assert.Equal(0, SocketCalls.LocalAddress(fd, out var bound));
        _address = bound.ToEndPoint();
        _admin = new AdminServer(_running.Engine, _state, TimeProvider.System);
        _admin.Start(fd);
    }

    [Fact]
    public async Task Metrics_come_as_a_client_library_expects_them()
    {
        using var http = new HttpClient { Timeout = Patience.Limit };
        using var response = await http.GetAsync(new Uri($"http://{_address}/metrics"), TestContext.Current.CancellationToken);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        var text = new PrometheusText(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.True(text["loop_allocated_bytes_total{loop=\"0\"}"] > 0);
        Assert.True(text["resident_memory_bytes"] > 1_000_000);
        Assert.True(text["loop_turns_total{loop=\"0\"}"] > 0);
        Assert.Equal((0, 0, 0), (text["draining"], text["restarts_total"], text["connections"]));
    }

    [Theory]
    [InlineData("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", "ready\n")]
    [InlineData("GET /ready?x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", "ready\n")]
    [InlineData("GET /live HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", "live\n")]
    [InlineData("HEAD /live HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK", "")]
    [InlineData("GET /ready HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK", "ready\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found", "there are /metrics, /ready and /live\n")]
    [InlineData("POST /ready HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404 Not Found", "only GET and HEAD are answered here\n")]
    [InlineData("GET /ready HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", null)]
    [InlineData("GET /ready HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 Bad Request", null)]
    public void Each_request_has_its_answer_whole_and_byte_by_byte(string request, string status, string? body)
    {
        foreach (var byBytes in (bool[])[false, true])
        {
            using var client = Connect();
            client.Send(request, byBytes);
            var answer = client.ReadToEnd();
            Assert.StartsWith(status + "\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("connection: close\r\n", answer, StringComparison.Ordinal);
            if (body is not null) Assert.EndsWith("\r\n\r\n" + body, answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Old_clients_get_metrics_without_chunks()
    {
        using var client = Connect();
        client.Send("GET /metrics HTTP/1.0\r\n\r\n");
        Assert.DoesNotContain("chunked", client.ReadHead(), StringComparison.Ordinal);
        _ = new PrometheusText(client.ReadToEnd());
    }

    [Fact]
    public void It_is_ready_while_it_accepts()
    {
        _state.IsServing = false;
        Assert.StartsWith("HTTP/1.1 503 ", Get("/ready"), StringComparison.Ordinal);
        _state.IsServing = true;
        Assert.StartsWith("HTTP/1.1 200 ", Get("/ready"), StringComparison.Ordinal);
        _state.IsDraining = true;
        Assert.EndsWith("\r\n\r\ndraining\n", Get("/ready"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", Get("/live"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_loop_that_stands_still_is_not_alive()
    {
        using var go = new ManualResetEventSlim();
        _running.Engine.Loops[0].Loop.Post(_ => go.Wait());
        try
        {
            Assert.EndsWith("\r\n\r\na loop stands still\n", Get("/live"), StringComparison.Ordinal);
        }
        finally
        {
            go.Set();
        }

        _running.Settle();
        Assert.StartsWith("HTTP/1.1 200 ", Get("/live"), StringComparison.Ordinal);
    }

    [Fact]
    public void Clients_beyond_the_bound_are_closed_and_places_come_back()
    {
        var silent = Enumerable.Range(0, AdminServer.MostClients).Select(_ => Connect()).ToList();
        using (var further = Connect()) further.ExpectEnd();
        silent.ForEach(s => s.Dispose());
        Assert.True(SpinWait.SpinUntil(() => Get("/ready").Length > 0, Patience.Limit));
    }

    [Fact]
    public void A_client_that_says_nothing_is_closed_after_a_while()
    {
        using var client = Connect();
        client.Send("GET /re");
        client.ExpectEnd();
    }

    [Fact]
    public void After_its_end_nobody_is_accepted_and_what_was_asked_is_answered()
    {
        _admin.Dispose();
        _admin.Dispose();
        var refused = Assert.Throws<SocketException>(Connect);
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    public void Dispose()
    {
        _admin.Dispose();
        _running.Dispose();
    }

    private string Get(string path)
    {
        using var client = Connect();
        client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        return client.ReadToEnd();
    }

    private RawPeer Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(_address);
        return new RawPeer(socket);
    }
}

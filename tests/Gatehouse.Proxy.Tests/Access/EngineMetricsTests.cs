using System.Net;
using System.Text;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Metrics;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Access;

public sealed class EngineMetricsTests
{
    [Fact]
    public void An_exchange_is_counted_where_it_passed()
    {
        using var server = new RawServer();
        using var running = new RunningEngine(Routed(server));
        var client = running.Connect();
        client.Send("GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        using var peer = server.Accept();
        peer.ReadHead();
        var before = Read(running);
        Assert.Equal((1, 1), (before["route_requests_in_flight{host=\"shop\",route=\"all\"}"], before["endpoint_requests_in_flight{group=\"app\",endpoint=\"app-0\"}"]));
        peer.Send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        var head = client.ReadHead();
        client.Send("GET / HTTP/1.1\r\n\r\n");
        client.ReadToEnd();
        running.Settle();

        var text = Read(running);
        Assert.Equal((2, 0, 1, 0), (text["listener_requests_total{listener=\"web\"}"], text["listener_requests_in_flight{listener=\"web\"}"], text["listener_connections_total{listener=\"web\"}"], text["listener_refused_total{listener=\"web\"}"] - 1));
        Assert.Equal((1, 0, head.Length), (text["route_requests_total{host=\"shop\",route=\"all\"}"], text["route_requests_in_flight{host=\"shop\",route=\"all\"}"], text["route_bytes_out_total{host=\"shop\",route=\"all\"}"]));
        Assert.Equal((1, 0), (text["route_responses_total{host=\"shop\",route=\"all\",class=\"4xx\"}"], text["route_responses_total{host=\"shop\",route=\"all\",class=\"2xx\"}"]));
        Assert.Equal((1, 1, 1), (text["endpoint_requests_total{group=\"app\",endpoint=\"app-0\"}"], text["endpoint_connections_total{group=\"app\",endpoint=\"app-0\"}"], text["endpoint_open_connections{group=\"app\",endpoint=\"app-0\"}"]));
        Assert.Equal((1, 1), (text["refusals_total{reason=\"host_missing\"}"], text["loop_idle_upstream_connections{loop=\"0\"}"]));
        Assert.Equal(2, text["listener_responses_total{listener=\"web\",class=\"4xx\"}"]);
    }

    [Fact]
    public void Every_metric_is_written_with_its_labels()
    {
        using var server = new RawServer();
        using var running = new RunningEngine(Routed(server));
        var text = Read(running);
        Assert.Equal(MetricList.All.Select(f => (f.Name, f.Kind.ToString().ToLowerInvariant(), f.Help, string.Join(' ', f.Labels))),
            text.Families.Select(f => (f.Key, f.Value.Kind, f.Value.Help, f.Value.Labels ?? "none")));
        Assert.All(MetricList.All, f => Assert.Equal(f.Kind == MetricKind.Counter, f.Name.EndsWith("_total", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_reason_has_one_series_whose_name_is_a_word()
    {
        using var running = new RunningEngine(Configs.One());
        var reasons = Read(running).Series.Keys.Where(k => k.StartsWith("gatehouse_proxy_refusals_total", StringComparison.Ordinal)).ToList();
        Assert.Equal(RefusalReasons.All.Count(), reasons.Count);
        Assert.All(reasons, r => Assert.Matches("^gatehouse_proxy_refusals_total\\{reason=\"[a-z0-9_]+\"\\}$", r));
    }

    [Fact]
    public void Names_cannot_forge_a_series()
    {
        var text = new PrometheusText(Render(static (ref MetricText text) =>
        {
            text.Begin(MetricList.OfListener[0].Family);
            text.Series("a\"} 7\ngatehouse_proxy_x{y=\"\\é", 1);
        }));
        Assert.Equal("gatehouse_proxy_listener_connections_total{listener=\"a\\\"} 7\\ngatehouse_proxy_x{y=\\\"\\\\é\"}", Assert.Single(text.Series.Keys));
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1e15, "1000000000000000")]
    [InlineData(0.001, "0.001")]
    [InlineData(1795161196.056, "1795161196.056")]
    public void Numbers_are_written_in_full(double value, string expected) =>
        Assert.EndsWith($"seconds {expected}\n", Render((ref MetricText text) => text.Single(MetricList.StartTime, value)), StringComparison.Ordinal);

    [Fact]
    public void Routes_beyond_the_bound_have_no_series_and_are_counted()
    {
        const int routes = 50;
        using var server = new RawServer();
        var config = Routed(server);
        using var running = new RunningEngine(config with
        {
            VirtualHosts = [config.VirtualHosts[0] with { Routes = [.. Enumerable.Range(0, routes).Select(i => new Route { Name = $"r{i}", Path = new PathMatch(PathMatchKind.Prefix, $"/{i}"), Upstream = "app" })] }],
        });
        var text = Read(running, mostRoutes: 20);
        Assert.Equal((routes, routes - 20), (text["routes"], text["routes_without_series"]));
        Assert.Equal(20, text.Series.Keys.Count(k => k.StartsWith("gatehouse_proxy_route_requests_total", StringComparison.Ordinal)));
        Assert.Equal((routes, 0), (Read(running)["routes"], Read(running)["routes_without_series"]));
    }

    [Fact]
    public void What_is_gone_from_the_configuration_is_gone_from_the_figures()
    {
        using var server = new RawServer();
        using var running = new RunningEngine(Routed(server));
        Assert.Contains("gatehouse_proxy_route_requests_total{host=\"shop\",route=\"all\"}", Read(running).Series.Keys);
        running.Apply(Configs.One(server));
        Assert.DoesNotContain("gatehouse_proxy_route_requests_total{host=\"shop\",route=\"all\"}", Read(running).Series.Keys);
        Assert.Contains("gatehouse_proxy_route_requests_total{host=\"web:\",route=\"default\"}", Read(running).Series.Keys);
    }

    [Fact]
    public void Figures_of_many_routes_cost_no_memory()
    {
        var routes = Enumerable.Range(0, 2_000).Select(i => new Route { Name = $"r{i}", Path = new PathMatch(PathMatchKind.Prefix, $"/{i}"), Upstream = "app" });
        using var server = new RawServer();
        var config = Routed(server);
        using var running = new RunningEngine(config with { VirtualHosts = [config.VirtualHosts[0] with { Routes = [.. routes] }] });
        var metrics = new EngineMetrics(running.Engine, State());
        var bytes = 0L;
        TextSink count = part => (bytes += part.Length) > 0;
        for (var i = 0; i < 3; i++) metrics.Write(count);
        var (before, written) = (GC.GetAllocatedBytesForCurrentThread(), bytes);
        Assert.True(metrics.Write(count));
        Assert.True(bytes - written > 1_000_000, $"{bytes - written} bytes");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000);
    }

    private delegate void Writing(ref MetricText text);

    private static string Render(Writing write)
    {
        var all = new MemoryStream();
        var text = new MetricText(new byte[256], part =>
        {
            all.Write(part);
            return true;
        });
        write(ref text);
        text.Flush();
        return Encoding.UTF8.GetString(all.ToArray());
    }

    private static PrometheusText Read(RunningEngine running, int mostRoutes = EngineMetrics.MostRoutes)
    {
        var all = new MemoryStream();
        Assert.True(new EngineMetrics(running.Engine, State()).Write(part =>
        {
            all.Write(part);
            return true;
        }, mostRoutes));
        return new PrometheusText(Encoding.UTF8.GetString(all.ToArray()));
    }

    private static EngineState State() => new(TimeProvider.System);

    private static ProxyConfig Routed(RawServer server) => new()
    {
        Listeners = [new Listener { Name = "web", Address = new IPEndPoint(IPAddress.Loopback, 0) }],
        VirtualHosts = [new VirtualHost { Name = "shop", Hosts = ["shop.example"], Routes = [new Route { Name = "all", Upstream = "app" }] }],
        Upstreams = [Configs.Group("app", server)],
    };
}

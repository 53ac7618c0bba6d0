using System.Diagnostics.Metrics;
using Gatehouse.Api.Server.Metrics;

namespace Gatehouse.Api.Tests.Server;

public sealed class MetricsTests
{
    [Fact]
    public async Task The_server_shows_its_own_figures()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        await client.GetAsync($"{Bodies.Workers}/none");
        using var watch = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1");
        var answer = (await client.GetAsync("/metrics")).Expect(200);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.ContentType);
        Assert.Contains("# TYPE gatehouse_api_request_duration_seconds histogram", answer.Text);
        Assert.Contains("gatehouse_api_request_duration_seconds_count{verb=\"create\",resource=\"workers\",code=\"201\"} ", answer.Text);
        Assert.Contains("{verb=\"get\",resource=\"workers\",code=\"404\",le=\"+Inf\"} ", answer.Text);
        Assert.Contains("gatehouse_api_watches_active{resource=\"workers\"} ", answer.Text);
        // Every line has the form of the exposition format.
        Assert.All(answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => Assert.Matches("""^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? (\+Inf|-?[0-9.E+-]+))$""", l));
        Assert.Equal(answer.Text.Split('\n').Count(l => l.StartsWith("# TYPE", StringComparison.Ordinal)), answer.Text.Split('\n').Where(l => l.StartsWith("# TYPE", StringComparison.Ordinal)).Distinct().Count());
    }

    [Fact]
    public void Each_instrument_has_its_shape()
    {
        using var text = new PrometheusText();
        using var meter = new Meter("gatehouse.test.shapes");
        using var foreign = new Meter("other");
        meter.CreateCounter<long>("gatehouse.test.done", "{thing}", "Things\nthat are \\ done.").Add(3, new KeyValuePair<string, object?>("kind", "a\"b\\c\nd"));
        var up = meter.CreateUpDownCounter<int>("gatehouse.test.open");
        up.Add(5);
        up.Add(-2);
        var histogram = meter.CreateHistogram<double>("gatehouse.test.took", "s", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] });
        histogram.Record(0.5);
        histogram.Record(2);
        histogram.Record(9);
        var level = 7.5;
        meter.CreateObservableGauge("gatehouse.test.level", () => level, "By");
        meter.CreateObservableCounter("gatehouse.test.sent", () => 11L);
        foreign.CreateCounter<long>("other.count").Add(1);
        var written = text.Write();
        Assert.Contains("# HELP gatehouse_test_done_total Things\\nthat are \\\\ done.\n# TYPE gatehouse_test_done_total counter\ngatehouse_test_done_total{kind=\"a\\\"b\\\\c\\nd\"} 3\n", written);
        Assert.Contains("# TYPE gatehouse_test_open gauge\ngatehouse_test_open 3\n", written);
        Assert.Contains(
            "gatehouse_test_took_seconds_bucket{le=\"1\"} 1\ngatehouse_test_took_seconds_bucket{le=\"2\"} 2\ngatehouse_test_took_seconds_bucket{le=\"+Inf\"} 3\n"
            + "gatehouse_test_took_seconds_sum 11.5\ngatehouse_test_took_seconds_count 3\n",
            written);
        Assert.Contains("gatehouse_test_level_bytes 7.5\n", written);
        Assert.Contains("gatehouse_test_sent_total 11\n", written);
        Assert.DoesNotContain("other_count", written);
        level = 8;
        Assert.Contains("gatehouse_test_level_bytes 8\n", text.Write());
    }

    [Fact]
    public void Series_are_bounded_and_what_is_dropped_is_counted()
    {
        using var text = new PrometheusText(seriesLimit: 3);
        using var meter = new Meter("gatehouse.test.bounds");
        var counter = meter.CreateCounter<long>("gatehouse.test.bounded");
        for (var i = 0; i < 10; i++) counter.Add(1, new KeyValuePair<string, object?>("n", i));
        var written = text.Write();
        Assert.Equal(3, written.Split('\n').Count(l => l.StartsWith("gatehouse_test_bounded_total{", StringComparison.Ordinal)));
        Assert.Matches("gatehouse_metrics_dropped_total ([7-9]|[1-9][0-9]+)\n", written);
    }
}

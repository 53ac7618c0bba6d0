using Gatehouse.Proxy.Access;
using Gatehouse.ProxyRun;

namespace Gatehouse.Tests.ProxyRun;

public sealed class TopRatesTests
{
    [Fact]
    public void Two_looks_give_rates()
    {
        var rates = TopRates.Between(
            Figures(age: 10, new ThingFigures { Name = "a", Requests = 100, Ended = 98, BytesIn = 1_000, BytesOut = 5_000, Errors = 1, Milliseconds = 400 }),
            Figures(age: 12, new ThingFigures { Name = "a", Requests = 110, Ended = 108, BytesIn = 2_000, BytesOut = 9_000, Errors = 2, Milliseconds = 450 }));
        Assert.Equal(new TopRow { Name = "a", Address = "", Open = 0, InFlight = 2, Requests = 5, Errors = 0.5, BytesIn = 500, BytesOut = 2_000, MeanMilliseconds = 5 }, Assert.Single(rates.Routes));
    }

    [Fact]
    public void What_is_new_began_with_nothing_and_so_did_a_new_engine()
    {
        var fresh = new ThingFigures { Name = "b", Requests = 10, Ended = 10, Milliseconds = 10 };
        Assert.Equal(5, Assert.Single(TopRates.Between(Figures(age: 10), Figures(age: 12, fresh)).Routes).Requests);
        var old = new ThingFigures { Name = "b", Requests = 9, Ended = 9 };
        Assert.Equal(2.5, Assert.Single(TopRates.Between(Figures(age: 10, old), Figures(age: 4, fresh) with { Pid = 2 }).Routes).Requests);
        Assert.Equal(5, Assert.Single(TopRates.Between(Figures(age: 10, old with { Requests = 50, Ended = 50 }), Figures(age: 12, fresh)).Routes).Requests);
    }

    [Fact]
    public void Without_a_request_that_ended_there_is_no_mean()
    {
        var same = new ThingFigures { Name = "a", Requests = 1, Ended = 0 };
        Assert.Null(Assert.Single(TopRates.Between(Figures(age: 1, same), Figures(age: 2, same)).Routes).MeanMilliseconds);
    }

    [Theory]
    [InlineData("Requests", "b a c")]
    [InlineData("InFlight", "a b c")]
    [InlineData("Errors", "c a b")]
    [InlineData("Bytes", "c b a")]
    [InlineData("Time", "a c b")]
    [InlineData("Name", "a b c")]
    public void Rows_have_their_order(string order, string expected)
    {
        TopRow[] rows =
        [
            new() { Name = "c", Address = "", Open = 0, InFlight = 0, Requests = 0, Errors = 3, BytesIn = 0, BytesOut = 50, MeanMilliseconds = 1 },
            new() { Name = "a", Address = "", Open = 0, InFlight = 9, Requests = 1, Errors = 0, BytesIn = 1, BytesOut = 0, MeanMilliseconds = 2 },
            new() { Name = "b", Address = "", Open = 0, InFlight = 9, Requests = 2, Errors = 0, BytesIn = 20, BytesOut = 0, MeanMilliseconds = null },
        ];
        Assert.Equal(expected, string.Join(' ', TopRates.Sort(rows, Enum.Parse<TopOrder>(order)).Select(r => r.Name)));
    }

    [Fact]
    public void The_busiest_routes_are_shown_and_the_heading_says_of_how_many()
    {
        var things = Enumerable.Range(1, 5).Select(i => new ThingFigures { Name = $"r{i}", Requests = i, Ended = i }).ToArray();
        var (headings, rows) = TopText.Tables(TopRates.Between(Figures(age: 1), Figures(age: 2, things) with { Routes = 7 }), TopOrder.Requests, mostRoutes: 2).ElementAt(1);
        Assert.Equal("ROUTE (of 7)", headings[0]);
        Assert.Equal(["r5", "r4"], rows.Select(r => r[0]));
        Assert.All(rows, r => Assert.Equal(headings.Length, r.Length));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_500, "1.5 KB")]
    [InlineData(2_000_000, "2 MB")]
    [InlineData(7.25e15, "7250 TB")]
    public void Bytes_have_a_unit(double bytes, string expected) => Assert.Equal(expected, TopText.Bytes(bytes));

    [Fact]
    public void The_header_says_who_it_is_and_what_is_unusual()
    {
        Assert.Equal("engine 1, revision 3, up 1m30s, 4 of 100 connections, 2 loops, 50 MB of memory", TopText.Header(Figures(age: 90)));
        Assert.Equal("engine 1, revision 3, up 2d1h, 4 of 100 connections, 2 loops, 50 MB of memory, 2 restarts, 7 log lines dropped, draining",
            TopText.Header(Figures(age: (49 * 3_600) + 5) with { Restarts = 2, LogLinesDropped = 7, Draining = true }));
    }

    private static EngineFigures Figures(double age, params ThingFigures[] routes) => new()
    {
        Pid = 1,
        Age = age,
        Revision = 3,
        Restarts = 0,
        Draining = false,
        Connections = 4,
        MaxConnections = 100,
        Threads = 2,
        ResidentBytes = 50_000_000,
        LogLinesDropped = 0,
        Routes = routes.Length,
        Listeners = [],
        BusyRoutes = routes,
        Endpoints = [],
    };
}

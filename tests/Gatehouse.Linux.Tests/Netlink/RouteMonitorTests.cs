using System.Net;
using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Tests.Netlink;

public sealed class RouteMonitorTests : IDisposable
{
    private readonly Host _host = new();

    public void Dispose() => _host.Dispose();

    [Fact(Timeout = 30_000)]
    public async Task Changes_made_by_anybody_are_told_in_order()
    {
        using var monitor = RouteMonitor.Open(RouteGroups.All, _host.Namespace);
        _host.Run("ip", "link", "add", "d0", "type", "bridge");
        _host.Run("ip", "addr", "add", "10.18.0.1/26", "dev", "d0");
        _host.Run("ip", "link", "set", "d0", "up");
        _host.Run("ip", "route", "add", "10.19.0.0/26", "via", "10.18.0.9");
        _host.Run("ip", "rule", "add", "fwmark", "5", "lookup", "77");
        _host.Run("ip", "route", "del", "10.19.0.0/26");
        _host.Run("ip", "link", "del", "d0");

        var events = new List<RouteEvent>();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        await foreach (var item in monitor.ReadAllAsync(patience.Token))
        {
            events.Add(item);
            if (item is { Kind: RouteEventKind.Deleted, Link.Name: "d0" })
            {
                break;
            }
        }

        var made = events.FindIndex(static item => item is { Kind: RouteEventKind.Set, Link: { Name: "d0", IsUp: false } });
        var addressed = events.FindIndex(static item => item.Address?.Address == InterfaceAddress.Parse("10.18.0.1/26"));
        var up = events.FindIndex(static item => item is { Link: { Name: "d0", IsUp: true } });
        var routed = events.FindIndex(static item => item is { Kind: RouteEventKind.Set, Route.Gateway: not null });
        var ruled = events.FindIndex(static item => item.Rule is { Mark: 5, Table: 77 });
        var unrouted = events.FindIndex(static item => item is { Kind: RouteEventKind.Deleted, Route.Gateway: not null });
        int[] order = [made, addressed, up, routed, ruled, unrouted];
        Assert.DoesNotContain(-1, order);
        Assert.Equal(order.Order(), order);
    }

    [Fact(Timeout = 30_000)]
    public async Task Only_what_was_asked_for_is_told()
    {
        using var monitor = RouteMonitor.Open(RouteGroups.Routes, _host.Namespace);
        _host.Run("ip", "link", "add", "d0", "type", "bridge");
        _host.Run("ip", "link", "set", "d0", "up");
        _host.Run("ip", "route", "add", "10.19.0.0/26", "dev", "d0");

        await foreach (var item in monitor.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            Assert.NotNull(item.Route);
            if (item.Route.Destination == IPNetwork.Parse("10.19.0.0/26"))
            {
                break;
            }
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task An_overrun_is_told_and_the_monitor_goes_on()
    {
        using var monitor = RouteMonitor.Open(RouteGroups.Routes, _host.Namespace);
        _host.Route.CreateBridge(new BridgeOptions("d0"));
        _host.Up("d0");
        var device = _host.Route.FindLink("d0")!.Index;
        var add = new RouteBatch();
        var delete = new RouteBatch();
        for (var i = 0; i < 4000; i++)
        {
            var route = new Route(new IPNetwork(new IPAddress([10, 20, (byte)(i >> 8), (byte)i]), 32), device);
            add.Add(route);
            delete.Delete(route);
        }

        // Nobody reads meanwhile: more than the buffer's 8 MiB.
        for (var round = 0; round < 4; round++)
        {
            _host.Route.Apply(add).ThrowIfFailed();
            _host.Route.Apply(delete).ThrowIfFailed();
        }

        var overrun = false;
        await foreach (var item in monitor.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            if (item.Kind == RouteEventKind.Overrun && !overrun)
            {
                overrun = true;
                _host.Run("ip", "route", "add", "10.99.0.0/26", "dev", "d0");
            }
            else if (overrun && item.Route?.Destination == IPNetwork.Parse("10.99.0.0/26"))
            {
                break;
            }
        }

        Assert.True(overrun);
    }

    [Fact(Timeout = 30_000)]
    public async Task Waiting_ends_when_it_is_cancelled()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var reading = Task.Run(async () =>
        {
            await foreach (var item in _host.Route.MonitorAsync(RouteGroups.Links, cancel.Token))
            {
                Assert.Fail("nothing changes here: " + item);
            }
        }, TestContext.Current.CancellationToken);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }
}

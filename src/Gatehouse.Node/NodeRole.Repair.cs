using System.Threading.Channels;
using Gatehouse.Linux.Netlink;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Overlay;

namespace Gatehouse.Node;

/// <summary>What others take away from the kernel is put back.</summary>
public sealed partial class NodeRole
{
    /// <summary>A second after a sign of change the kernel is compared: one change makes many signs.</summary>
    private static readonly TimeSpan RepairDelay = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LogPause = TimeSpan.FromSeconds(1);

    // One signal says as much as many: what it asks for is a look at everything.
    private readonly Channel<bool> _mend = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private bool _toldIpv6 = true;

    /// <summary>Compares the kernel with what it should hold: after a sign of change, and every now and then without one.</summary>
    private async Task RepairAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        while (true)
        {
            await MendAsync();
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var sign = _mend.Reader.WaitToReadAsync(pause.Token).AsTask();
            await Task.WhenAny(sign, Task.Delay(_options.Limits.Repair, _time, pause.Token));
            await pause.CancelAsync();
            cancellation.ThrowIfCancellationRequested();
            if (!sign.IsCompletedSuccessfully) continue;
            await Task.Delay(RepairDelay, _time, cancellation);
            _mend.Reader.TryRead(out _);
        }
    }

    /// <summary>Somebody took something of ours away, or the underlay changed.</summary>
    private async Task WatchKernelAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        using var monitor = RouteMonitor.Open(RouteGroups.Links | RouteGroups.Addresses | RouteGroups.Routes | RouteGroups.Neighbours, _options.Namespace);
        await foreach (var sign in monitor.ReadAllAsync(cancellation))
        {
            if (Concerns(sign)) _mend.Writer.TryWrite(true);
        }
    }

    /// <summary>Without our tables nothing is translated and nothing is guarded, so they are looked at far more often than the rest; while nobody changes any it is one question.</summary>
    private async Task WatchTablesAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        while (true)
        {
            await Task.Delay(_options.Limits.TableWatch, _time, cancellation);
            Try("looking at the tables", () => MendTables(thorough: false));
        }
    }

    private async Task TrimLogsAsync(CancellationToken cancellation)
    {
        var logs = new InstanceLogs(_options, _metrics);
        while (true)
        {
            await Task.Delay(LogPause, _time, cancellation);
            Try("trimming the output of instances", () => logs.Trim([.. _instances.Attached.Keys]));
        }
    }

    /// <summary>Whether something that should be there is gone, or the underlay changed. Our own changes make signs too; those are as wished.</summary>
    private bool Concerns(RouteEvent sign) => sign switch
    {
        { Kind: RouteEventKind.Overrun } => true,
        { Kind: RouteEventKind.Set, Link: { } link } => link.Index == _devices!.UnderlayIndex && link.Mtu != _devices.UnderlayMtu,
        { Kind: RouteEventKind.Set } => false,
        { Link: { } link } => link.Index == _devices!.Vxlan || link.Index == _devices.Bridge,
        { Address: { } address } => address.Index == _devices!.Bridge,
        { Route: { } route } => _peers.Wants(route) || _devices!.Wants(route) || _instances.Wants(route.Destination.BaseAddress),
        { Neighbour: { } neighbour } => _peers.Wants(neighbour),
        _ => false,
    };

    /// <summary>Each part by itself: one that the kernel refuses keeps none of the others from being mended.</summary>
    private async Task MendAsync()
    {
        Try("mending the devices", MendDevices);
        Try("mending what peers have", MendPeers);
        Try("mending the tables", () => MendTables(thorough: true));
        try
        {
            await _instances.StartAsync(_devices!, _addresses!);
        }
        catch (IOException fault)
        {
            _log.KernelFault("mending the instances' devices", fault.Message);
        }
    }

    private void MendDevices()
    {
        if (_devices!.Ensure(_addresses!)) _peers.Start(_devices, _addresses!);
        TellIpv6();
    }

    private void MendPeers()
    {
        if (_peers.Reconcile() is > 0 and var count) _log.Repaired(count);
    }

    private void MendTables(bool thorough)
    {
        if (_path.Restore(thorough)) _log.TablesMissing();
    }

    private void TellIpv6()
    {
        var has = _devices!.HasIpv6;
        if (has == _toldIpv6) return;
        _toldIpv6 = has;
        _reconciler.Wake();
        if (has) _log.Ipv6Back(_devices.UnderlayMtu);
        else _log.Ipv6Lost(_devices.UnderlayMtu, DeviceLife.LeastMtu6 + OverlayDevices.OverheadOf(_options));
    }

    /// <summary>An act on the kernel: a refusal is logged, and the act comes again.</summary>
    private void Try(string act, Action run)
    {
        try
        {
            run();
        }
        catch (IOException fault)
        {
            _log.KernelFault(act, fault.Message);
        }
    }
}

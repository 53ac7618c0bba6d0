using System.Diagnostics;
using System.Net;
using Gatehouse.Linux;
using Gatehouse.Linux.Netlink;

namespace Gatehouse.Bench.Overlay;

/// <summary>When the kernel of a worker took an element into its maps: netlink's own announcements, which cost the worker's agent nothing.</summary>
internal sealed class MapEvents : IDisposable
{
    private const int TablesGroup = 7; // NFNLGRP_NFTABLES, linux/netfilter/nfnetlink.h.
    private const int NewElement = 12; // NFT_MSG_NEWSETELEM, linux/netfilter/nf_tables.h.
    private readonly NetlinkSocket _socket;

    public MapEvents(NetworkNamespace worker)
    {
        _socket = NetlinkSocket.Open(NetlinkSocket.Netfilter, worker);
        _socket.Join(TablesGroup);
    }

    /// <summary>Reads what is there and forgets it.</summary>
    public void Skip()
    {
        while (_socket.ReceiveEvents(static (_, _) => { }) is var outcome && (outcome >= 0 || outcome == -(int)Errno.ENOBUFS))
        {
        }
    }

    /// <summary>Waits for an element that leads from one address to another.</summary>
    /// <returns>The time stamp at which it was heard; 0 when the time is over.</returns>
    public long WaitFor(IPAddress service, IPAddress instance, TimeSpan patience)
    {
        var (key, value) = (service.GetAddressBytes(), instance.GetAddressBytes());
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < patience)
        {
            var found = false;
            var outcome = _socket.ReceiveEvents((type, payload) => found |= (type & 0xff) == NewElement && payload.IndexOf(key) >= 0 && payload.IndexOf(value) >= 0);
            if (found) return Stopwatch.GetTimestamp();
            if (outcome == -(int)Errno.EAGAIN) _ = Libc.IsReadable(_socket.Handle, TimeSpan.FromMilliseconds(50));
        }

        return 0;
    }

    /// <summary>Reads events until none comes for a while.</summary>
    /// <returns>How many elements of a service's slots came.</returns>
    public int Count(IPAddress service, CancellationToken cancellation)
    {
        var (key, count) = (service.GetAddressBytes(), 0);
        while (!cancellation.IsCancellationRequested)
        {
            var outcome = _socket.ReceiveEvents((type, payload) => count += (type & 0xff) == NewElement && payload.IndexOf(key) >= 0 ? 1 : 0);
            if (outcome == -(int)Errno.EAGAIN) _ = Libc.IsReadable(_socket.Handle, TimeSpan.FromMilliseconds(50));
        }

        return count;
    }

    public void Dispose() => _socket.Dispose();
}

using System.Runtime.CompilerServices;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.Netlink;

/// <summary>What a <see cref="RouteMonitor"/> tells about.</summary>
[Flags]
public enum RouteGroups
{
    None = 0,
    Links = 1,
    Addresses = 2,
    Routes = 4,
    Neighbours = 8,
    Rules = 16,
    All = Links | Addresses | Routes | Neighbours | Rules,
}

/// <summary>What happened to an object.</summary>
public enum RouteEventKind
{
    /// <summary>It was added or changed.</summary>
    Set,

    /// <summary>It is gone.</summary>
    Deleted,

    /// <summary>The kernel had more to tell than the buffer holds: list everything again. There is no object.</summary>
    Overrun,
}

/// <summary>One change; exactly one of the objects is there, none at an overrun.</summary>
public sealed record RouteEvent(RouteEventKind Kind)
{
    public Link? Link { get; init; }

    public LinkAddress? Address { get; init; }

    public Route? Route { get; init; }

    public Neighbour? Neighbour { get; init; }

    public FdbEntry? Fdb { get; init; }

    public Rule? Rule { get; init; }
}

/// <summary>
/// Tells what changes in a namespace. It listens from <see cref="Open"/> on, so that a list taken after that and the events
/// miss nothing together. Its buffer is bounded (8 MiB); what does not fit is told as <see cref="RouteEventKind.Overrun"/>.
/// </summary>
public sealed class RouteMonitor : IDisposable
{
    private readonly NetlinkSocket _socket;

    private RouteMonitor(NetlinkSocket socket) => _socket = socket;

    public static RouteMonitor Open(RouteGroups groups, NetworkNamespace? ns = null)
    {
        var socket = NetlinkSocket.Open(NetlinkSocket.Route, ns, nonBlocking: true);
        try
        {
            foreach (var number in NumbersOf(groups))
            {
                socket.Join(number);
            }

            return new RouteMonitor(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>All changes until it is cancelled; then the monitor is closed. One reader at a time.</summary>
    public async IAsyncEnumerable<RouteEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using (_socket)
        {
            var events = new List<RouteEvent>();
            while (true)
            {
                events.Clear();
                var outcome = _socket.ReceiveEvents((type, payload) => Read(type, payload, events));
                if (outcome == -(int)Errno.ENOBUFS)
                {
                    LinuxMetrics.Overrun();
                    DropWaiting();
                    events.Add(new RouteEvent(RouteEventKind.Overrun));
                }
                else if (outcome == -(int)Errno.EAGAIN)
                {
                    await Readiness.Shared.WaitReadableAsync(_socket.Handle, cancellationToken);
                }
                else if (outcome < 0)
                {
                    throw new LinuxException("watching rtnetlink", -outcome);
                }

                foreach (var item in events)
                {
                    yield return item;
                }
            }
        }
    }

    /// <summary>
    /// After an overrun the kernel drops silently until everything that waits was read. So the rest is read first: a list
    /// taken after the overrun was told misses nothing.
    /// </summary>
    private void DropWaiting()
    {
        int outcome;
        do
        {
            outcome = _socket.ReceiveEvents(static (_, _) => { });
        }
        while (outcome >= 0 || outcome == -(int)Errno.ENOBUFS);
    }

    private static IEnumerable<int> NumbersOf(RouteGroups groups)
    {
        // RTNLGRP_…, linux/rtnetlink.h.
        (RouteGroups Group, int[] Numbers)[] all =
        [
            (RouteGroups.Links, [1]), (RouteGroups.Neighbours, [3]), (RouteGroups.Addresses, [5, 9]),
            (RouteGroups.Routes, [7, 11]), (RouteGroups.Rules, [8, 19]),
        ];
        return all.Where(pair => groups.HasFlag(pair.Group)).SelectMany(static pair => pair.Numbers);
    }

    private static void Read(ushort type, ReadOnlySpan<byte> payload, List<RouteEvent> events)
    {
        // Of each four types the first is "new" and the second "deleted".
        var item = new RouteEvent((type & 3) == 0 ? RouteEventKind.Set : RouteEventKind.Deleted);
        var (neighbour, fdb) = type is RouteMessage.NewNeighbour or RouteMessage.DeleteNeighbour ? RouteCodec.ReadNeighbour(payload) : default;
        item = type switch
        {
            RouteMessage.NewLink or RouteMessage.DeleteLink => item with { Link = LinkCodec.Read(payload) },
            RouteMessage.NewAddress or RouteMessage.DeleteAddress => item with { Address = RouteCodec.ReadAddress(payload) },
            RouteMessage.NewRoute or RouteMessage.DeleteRoute => item with { Route = RouteCodec.ReadRoute(payload) },
            RouteMessage.NewRule or RouteMessage.DeleteRule => item with { Rule = RouteCodec.ReadRule(payload) },
            _ => item with { Neighbour = neighbour, Fdb = fdb },
        };
        if (item is not { Link: null, Address: null, Route: null, Rule: null, Neighbour: null, Fdb: null })
        {
            events.Add(item);
        }
    }
}

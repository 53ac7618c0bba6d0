using System.Net.Sockets;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.Netlink;

/// <summary>
/// Devices, addresses, routes, neighbours, forwarding entries and rules of one network namespace (rtnetlink(7)).
/// Safe for several threads: calls wait for each other.
/// </summary>
public sealed class RouteSocket : IDisposable
{
    /// <summary>Messages of one system call: as many refusals have to fit into the receive buffer, each about 1 KiB there.</summary>
    private const int ChunkMessages = 128;
    private const int ChunkBytes = 64 << 10;

    private readonly NetlinkSocket _socket;
    private readonly NetworkNamespace? _namespace;
    private readonly NetlinkWriter _writer = new();
    private readonly Lock _lock = new();

    private RouteSocket(NetlinkSocket socket, NetworkNamespace? ns)
    {
        _socket = socket;
        _namespace = ns;
    }

    /// <summary>Opens a socket in the namespace; null is the caller's. The namespace's handle is only used while it opens.</summary>
    public static RouteSocket Open(NetworkNamespace? ns = null)
        => new(NetlinkSocket.Open(NetlinkSocket.Route, ns), ns);

    public void Dispose() => _socket.Dispose();

    /// <summary>All devices, by index.</summary>
    public IReadOnlyList<Link> Links() => Dump<Link>("listing devices", (writer, sequence) => LinkCodec.WriteGet(writer, sequence, null),
        static (type, payload, links) => AddIfAny(links, type == RouteMessage.NewLink ? LinkCodec.Read(payload) : null));

    /// <summary>The device of that name, or null.</summary>
    public Link? FindLink(string name)
    {
        lock (_lock)
        {
            Link? found = null;
            var sequence = Begin();
            LinkCodec.WriteGet(_writer, sequence, name);
            var status = _socket.Request(_writer, sequence, (type, payload) => found = type == RouteMessage.NewLink ? LinkCodec.Read(payload) : found);
            if (status.Errno != (int)Errno.ENODEV)
            {
                status.ThrowIfFailed("looking for device " + name);
            }

            return found;
        }
    }

    /// <summary>Makes a bridge and returns its index. It is down.</summary>
    /// <exception cref="LinuxException">EEXIST: there is a device of that name.</exception>
    public int CreateBridge(BridgeOptions options)
        => CreateLink(options.Name, "bridge", sequence => LinkCodec.WriteBridge(_writer, sequence, options));

    /// <inheritdoc cref="CreateBridge"/>
    public int CreateVxlan(VxlanOptions options)
        => CreateLink(options.Name, "vxlan", sequence => LinkCodec.WriteVxlan(_writer, sequence, options));

    /// <summary>Makes a pair and returns the index of this end. Both ends are down.</summary>
    public int CreateVeth(VethOptions options)
        => CreateLink(options.Name, "veth", sequence => LinkCodec.WriteVeth(_writer, sequence, options));

    /// <summary>Changes a device; what is null in the change stays.</summary>
    public void SetLink(int index, LinkChange change)
    {
        lock (_lock)
        {
            var sequence = Begin();
            LinkCodec.WriteChange(_writer, sequence, index, change);
            _socket.Request(_writer, sequence).ThrowIfFailed($"changing device {index}{(change.Name is null ? "" : " to " + change.Name)}");
            if (change is { Hairpin: null, Learning: null, Isolated: null })
            {
                return;
            }

            sequence = Begin();
            LinkCodec.WritePortChange(_writer, sequence, index, change);
            _socket.Request(_writer, sequence).ThrowIfFailed($"changing bridge port {index}");
        }
    }

    /// <summary>Takes a device away. False: there was none.</summary>
    public bool DeleteLink(int index)
    {
        lock (_lock)
        {
            var sequence = Begin();
            LinkCodec.WriteDelete(_writer, sequence, index);
            return Succeeded(_socket.Request(_writer, sequence), $"deleting device {index}", Errno.ENODEV);
        }
    }

    /// <summary>Takes the device of that name away. False: there was none.</summary>
    public bool DeleteLink(string name) => FindLink(name) is { } link && DeleteLink(link.Index);

    /// <summary>Addresses of a device, or of all for 0.</summary>
    public IReadOnlyList<LinkAddress> Addresses(int index = 0) => Dump<LinkAddress>(
        "listing addresses",
        static (writer, sequence) => WriteDump(writer, RouteMessage.GetAddress, sequence, default(AddressHeader)),
        (type, payload, found) =>
        {
            if (type == RouteMessage.NewAddress && RouteCodec.ReadAddress(payload) is { } address && (index == 0 || address.Index == index))
            {
                found.Add(address);
            }
        });

    /// <summary>Adds an address; the same one there already is no error.</summary>
    public void AddAddress(int index, InterfaceAddress address, AddressFlags flags = AddressFlags.None)
    {
        lock (_lock)
        {
            var sequence = Begin();
            const NetlinkFlags how = NetlinkFlags.Ack | NetlinkFlags.Create | NetlinkFlags.Replace;
            RouteCodec.WriteAddress(_writer, RouteMessage.NewAddress, how, sequence, index, address, flags);
            _socket.Request(_writer, sequence).ThrowIfFailed($"adding {address} to device {index}");
        }
    }

    /// <summary>Removes an address. False: the device does not have it.</summary>
    public bool RemoveAddress(int index, InterfaceAddress address)
    {
        lock (_lock)
        {
            var sequence = Begin();
            RouteCodec.WriteAddress(_writer, RouteMessage.DeleteAddress, NetlinkFlags.Ack, sequence, index, address, AddressFlags.None);
            return Succeeded(_socket.Request(_writer, sequence), $"removing {address} from device {index}", Errno.EADDRNOTAVAIL);
        }
    }

    /// <summary>Routes of a table, or of all for 0, both families.</summary>
    public IReadOnlyList<Route> Routes(uint table = Route.MainTable) => Dump<Route>(
        "listing routes",
        static (writer, sequence) => WriteDump(writer, RouteMessage.GetRoute, sequence, default(RouteHeader)),
        (type, payload, found) =>
        {
            if (type == RouteMessage.NewRoute && RouteCodec.ReadRoute(payload) is { } route && (table == 0 || route.Table == table))
            {
                found.Add(route);
            }
        });

    /// <summary>Neighbours of a device, or of all for 0, both families.</summary>
    public IReadOnlyList<Neighbour> Neighbours(int device = 0) => Dump<Neighbour>(
        "listing neighbours",
        static (writer, sequence) => WriteDump(writer, RouteMessage.GetNeighbour, sequence, default(NeighbourHeader)),
        (type, payload, found) =>
        {
            if (type == RouteMessage.NewNeighbour && RouteCodec.ReadNeighbour(payload).Neighbour is { } neighbour
                && (device == 0 || neighbour.Device == device))
            {
                found.Add(neighbour);
            }
        });

    /// <summary>Forwarding entries of a device, or of all for 0.</summary>
    public IReadOnlyList<FdbEntry> Fdb(int device = 0) => Dump<FdbEntry>(
        "listing forwarding entries",
        static (writer, sequence) => WriteDump(writer, RouteMessage.GetNeighbour, sequence, new NeighbourHeader { Family = Libc.AfBridge }),
        (type, payload, found) =>
        {
            if (type == RouteMessage.NewNeighbour && RouteCodec.ReadNeighbour(payload).Fdb is { } entry && (device == 0 || entry.Device == device))
            {
                found.Add(entry);
            }
        });

    /// <summary>Policy rules of both families.</summary>
    public IReadOnlyList<Rule> Rules() => Dump<Rule>(
        "listing rules",
        static (writer, sequence) => WriteDump(writer, RouteMessage.GetRule, sequence, default(RuleHeader)),
        static (type, payload, found) => AddIfAny(found, type == RouteMessage.NewRule ? RouteCodec.ReadRule(payload) : null));

    /// <summary>Which route a packet of this host to that address takes.</summary>
    /// <exception cref="LinuxException">ENETUNREACH, EHOSTUNREACH, EACCES: the tables refuse it.</exception>
    public Route Lookup(System.Net.IPAddress destination, uint mark = 0)
    {
        const int markAttribute = 16;
        lock (_lock)
        {
            var sequence = Begin();
            var bits = destination.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
            var start = _writer.Begin(RouteMessage.GetRoute, NetlinkFlags.Request | NetlinkFlags.Ack, sequence);
            _writer.Put(new RouteHeader { Family = RouteCodec.FamilyOf(destination), DestinationLength = (byte)bits });
            _writer.Address(RouteAttribute.Destination, destination);
            if (mark != 0)
            {
                _writer.U32(markAttribute, mark);
            }

            _writer.End(start);
            Route? found = null;
            var status = _socket.Request(_writer, sequence, (_, payload) => found = RouteCodec.ReadRoute(payload));
            status.ThrowIfFailed("routing to " + destination);
            return found ?? throw new LinuxException("routing to " + destination, Errno.ENETUNREACH);
        }
    }

    /// <summary>
    /// Applies the entries in order, some hundred for each system call. An entry that is refused does not stop those behind it;
    /// each is reported.
    /// </summary>
    public BatchOutcome Apply(RouteBatch batch)
    {
        var failures = new List<BatchFailure>();
        lock (_lock)
        {
            for (var next = 0; next < batch.Count;)
            {
                next = ApplyChunk(batch, next, failures);
            }
        }

        LinuxMetrics.RouteBatch(batch.Count, failures.Count);
        return new BatchOutcome(batch.Count, failures);
    }

    /// <summary>What changes in the namespace from now on; see <see cref="RouteMonitor"/>.</summary>
    public IAsyncEnumerable<RouteEvent> MonitorAsync(RouteGroups groups, CancellationToken cancellationToken = default)
        => RouteMonitor.Open(groups, _namespace).ReadAllAsync(cancellationToken);

    /// <summary>Refusals come unasked; success is only asked for at the last message, which ends the reading.</summary>
    private int ApplyChunk(RouteBatch batch, int first, List<BatchFailure> failures)
    {
        _writer.Clear();
        var firstSequence = _socket.NextSequence();
        var sequence = firstSequence;
        var limit = Math.Min(ChunkBytes, _socket.SendLimit / 2);
        var next = first;
        var lastStart = 0;
        while (next < batch.Count && next - first < ChunkMessages && _writer.Length < limit)
        {
            sequence = next == first ? firstSequence : _socket.NextSequence();
            lastStart = _writer.Length;
            RouteBatch.Write(_writer, batch.Entries[next], sequence);
            next++;
        }

        _writer.AddFlags(lastStart, NetlinkFlags.Ack);
        _socket.Send(_writer.Written);
        _socket.ReadUntil(firstSequence, sequence, (number, status) =>
        {
            if (status.Failed)
            {
                var index = first + (int)(number - firstSequence);
                var entry = batch.Entries[index];
                var verb = entry.Verb.ToString().ToLowerInvariant();
                failures.Add(new BatchFailure(index, $"{verb} {entry.Subject}", (Errno)status.Errno, status.Text));
            }
        });
        return next;
    }

    private int CreateLink(string name, string kind, Action<uint> write)
    {
        lock (_lock)
        {
            var sequence = Begin();
            write(sequence);
            _socket.Request(_writer, sequence).ThrowIfFailed($"creating {kind} {name}");
        }

        return FindLink(name)?.Index ?? throw new LinuxException($"creating {kind} {name}", Errno.ENODEV, "it was gone at once");
    }

    private List<T> Dump<T>(string act, Action<NetlinkWriter, uint> write, Action<ushort, ReadOnlySpan<byte>, List<T>> read)
    {
        lock (_lock)
        {
            return _socket.Dump(act, write, read);
        }
    }

    private uint Begin()
    {
        _writer.Clear();
        return _socket.NextSequence();
    }

    private static void WriteDump<T>(NetlinkWriter writer, ushort type, uint sequence, in T header)
        where T : unmanaged
    {
        var start = writer.Begin(type, NetlinkFlags.Request | NetlinkFlags.Dump, sequence);
        writer.Put(header);
        writer.End(start);
    }

    private static void AddIfAny<T>(List<T> items, T? item)
        where T : class
    {
        if (item is not null)
        {
            items.Add(item);
        }
    }

    private static bool Succeeded(NetlinkStatus status, string act, Errno missing)
    {
        if (status.Errno == (int)missing)
        {
            return false;
        }

        status.ThrowIfFailed(act);
        return true;
    }
}

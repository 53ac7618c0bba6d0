using System.Runtime.InteropServices;
using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Conntrack;

/// <summary>
/// The kernel's table of flows, of one network namespace. Deletes select in the kernel: their cost is one walk through the
/// table, and no flow crosses into this process. There is no flush: flows of others are not ours to end.
/// Safe for several threads: calls wait for each other.
/// </summary>
public sealed class ConntrackSocket : IDisposable
{
    private readonly NetlinkSocket _socket;
    private readonly NetlinkWriter _writer = new();
    private readonly Lock _lock = new();

    private ConntrackSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in the namespace; null is the caller's.</summary>
    public static ConntrackSocket Open(NetworkNamespace? ns = null) => new(NetlinkSocket.Open(NetlinkSocket.Netfilter, ns));

    public void Dispose() => _socket.Dispose();

    /// <summary>Deletes all flows, IPv4 and IPv6, whose mark has these bits under the mask. None is no error.</summary>
    /// <exception cref="ArgumentException">No bit of the mark is asked for: that would be the flows of everybody else.</exception>
    public void DeleteByMark(uint mark, uint mask = uint.MaxValue)
    {
        if ((mark & mask) == 0)
        {
            throw new ArgumentException($"mark 0x{mark:x} under mask 0x{mask:x} selects flows that nobody marked; give a bit that is set in both", nameof(mark));
        }

        lock (_lock)
        {
            var sequence = Begin(FlowCodec.Delete, NetlinkFlags.Ack, family: 0, out var start);
            _writer.U32Big(FlowCodec.Mark, mark & mask);
            _writer.U32Big(FlowCodec.MarkMask, mask);
            _writer.End(start);
            _socket.Request(_writer, sequence).ThrowIfFailed($"deleting flows of mark 0x{mark:x}/0x{mask:x}");
        }
    }

    /// <summary>Deletes one flow. False: there is none.</summary>
    public bool Delete(in FlowTuple original)
    {
        lock (_lock)
        {
            var sequence = Begin(FlowCodec.Delete, NetlinkFlags.Ack, FlowCodec.FamilyOf(original), out var start);
            FlowCodec.WriteTuple(_writer, original, reply: false);
            _writer.End(start);
            var status = _socket.Request(_writer, sequence);
            if (status.Errno == (int)Errno.ENOENT)
            {
                return false;
            }

            status.ThrowIfFailed("deleting flow " + original);
            return true;
        }
    }

    /// <summary>The flow whose first packet was this, or null.</summary>
    public Flow? Find(in FlowTuple original) => Find(original, reply: false);

    /// <summary>The flow to which such a packet is an answer, or null.</summary>
    public Flow? FindByReply(in FlowTuple reply) => Find(reply, reply: true);

    /// <summary>Flows that match, in no order.</summary>
    public IReadOnlyList<Flow> Flows(FlowFilter? filter = null)
    {
        filter ??= new FlowFilter();
        return Dump<Flow>(filter.Mark, filter.Mask, (payload, flows) =>
        {
            if (flows.Count < filter.Limit && FlowCodec.Read(payload) is var flow && filter.Where?.Invoke(flow) != false)
            {
                flows.Add(flow);
            }
        });
    }

    /// <summary>How many flows have each mark (under the mask); those without are left out.</summary>
    public IReadOnlyDictionary<uint, int> CountByMark(uint mask = uint.MaxValue)
    {
        var marks = Dump<uint>(null, mask, (payload, found) =>
        {
            if ((FlowCodec.ReadMark(payload) & mask) is not 0 and var mark)
            {
                found.Add(mark);
            }
        });
        var counts = new Dictionary<uint, int>();
        foreach (var mark in marks)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(counts, mark, out _)++;
        }

        return counts;
    }

    /// <summary>How full the table is.</summary>
    public ConntrackUsage Usage()
    {
        lock (_lock)
        {
            var sequence = Begin(FlowCodec.Stats, NetlinkFlags.Ack, family: 0, out var start);
            _writer.End(start);
            var usage = default(ConntrackUsage);
            _socket.Request(_writer, sequence, (_, payload) => usage = FlowCodec.ReadUsage(payload)).ThrowIfFailed("reading conntrack's figures");
            return usage;
        }
    }

    private Flow? Find(in FlowTuple tuple, bool reply)
    {
        lock (_lock)
        {
            var sequence = Begin(FlowCodec.Get, NetlinkFlags.Ack, FlowCodec.FamilyOf(tuple), out var start);
            FlowCodec.WriteTuple(_writer, tuple, reply);
            _writer.End(start);
            Flow? found = null;
            var status = _socket.Request(_writer, sequence, (type, payload) => found = type == FlowCodec.New ? FlowCodec.Read(payload) : found);
            if (status.Errno != (int)Errno.ENOENT)
            {
                status.ThrowIfFailed("looking for flow " + tuple);
            }

            return found;
        }
    }

    private delegate void FlowReader<T>(ReadOnlySpan<byte> payload, List<T> found);

    private List<T> Dump<T>(uint? mark, uint mask, FlowReader<T> read)
    {
        lock (_lock)
        {
            return _socket.Dump<T>(
                "listing flows",
                (writer, sequence) =>
                {
                    var start = FlowCodec.Begin(writer, FlowCodec.Get, NetlinkFlags.Dump, sequence, family: 0);
                    if (mark is { } wanted)
                    {
                        writer.U32Big(FlowCodec.Mark, wanted & mask);
                        writer.U32Big(FlowCodec.MarkMask, mask);
                    }

                    writer.End(start);
                },
                (type, payload, found) =>
                {
                    if (type == FlowCodec.New)
                    {
                        read(payload, found);
                    }
                });
        }
    }

    private uint Begin(ushort type, NetlinkFlags flags, byte family, out int start)
    {
        _writer.Clear();
        var sequence = _socket.NextSequence();
        start = FlowCodec.Begin(_writer, type, flags, sequence, family);
        return sequence;
    }
}

using System.Diagnostics;
using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Nftables;

/// <summary>
/// Changes elements of the sets and maps of one table by nfnetlink, without a program and without libnftables: the cost of a
/// change does not grow with the table. Safe for several threads: calls wait for each other.
/// </summary>
public sealed class NftElements : IDisposable
{
    private const int BufferKept = 1 << 20;

    private readonly NetlinkSocket _socket;
    private readonly NftFamily _family;
    private readonly string _table;
    private readonly bool _canDestroy;
    private readonly int _transactionBytes;
    private readonly Lock _lock = new();
    private NetlinkWriter _writer = new();

    private NftElements(NetlinkSocket socket, NftFamily family, string table, bool canDestroy, int? transactionBytes)
    {
        _socket = socket;
        _family = family;
        _table = table;
        _canDestroy = canDestroy;
        _transactionBytes = Math.Min(transactionBytes ?? int.MaxValue, socket.SendLimit);
    }

    /// <summary>Opens a socket in the namespace (null: the caller's). The table need not be there yet.</summary>
    public static NftElements Open(NftFamily family, string table, NetworkNamespace? ns = null)
        => Open(family, table, ns, canDestroy: null, transactionBytes: null);

    /// <summary>
    /// Whether one transaction may be as large as it needs to be. Not so in a user namespace: there a script of <see cref="NftContext"/> that makes more than
    /// net.core.wmem_default bytes of messages (208 KiB unless changed) is refused with EMSGSIZE.
    /// </summary>
    public bool AnySizeIsOneTransaction => _socket.MayExceedLimits;

    /// <summary>
    /// Applies the changes, in order, in one transaction: every packet sees all of them or none. Only changes of more bytes
    /// than the socket may send at once (16 MiB for the host's root, some 400,000 elements; the system's limit, often
    /// 416 KiB, in a user namespace) are cut into several transactions, each whole.
    /// </summary>
    /// <returns>Every change that the kernel refused, each with its reason; then its transaction was not applied.</returns>
    /// <exception cref="LinuxException">The kernel could not be asked, or its answer was lost.</exception>
    public ElementOutcome Apply(ReadOnlySpan<ElementChange> changes)
    {
        lock (_lock)
        {
            var applied = 0;
            while (applied < changes.Length)
            {
                var began = Stopwatch.GetTimestamp();
                var (taken, failures) = ApplyTransaction(changes, applied);
                LinuxMetrics.ElementBatch(began, failures.Count == 0 ? taken : 0, failures.Count);
                if (failures.Count > 0)
                {
                    return new ElementOutcome(applied, failures);
                }

                applied += taken;
            }

            if (_writer.Length > BufferKept)
            {
                _writer = new NetlinkWriter();
            }

            return new ElementOutcome(applied, []);
        }
    }

    /// <summary>All elements of a set or map, in no order.</summary>
    /// <exception cref="LinuxException">ENOENT: no such table or set; EAGAIN: it changes too often to be read whole.</exception>
    public IReadOnlyList<Element> Dump(string set)
    {
        lock (_lock)
        {
            return _socket.Dump<Element>(
                $"listing {_table} {set}",
                (writer, sequence) => ElementCodec.WriteDump(writer, sequence, _family, _table, set),
                ElementCodec.Read);
        }
    }

    /// <summary>The element of that key, or null.</summary>
    /// <exception cref="LinuxException">There is no such table or set, or the key has a wrong length.</exception>
    public Element? Find(string set, ReadOnlyMemory<byte> key)
    {
        lock (_lock)
        {
            _writer.Clear();
            var sequence = _socket.NextSequence();
            var open = ElementCodec.Begin(_writer, ElementCodec.Get, NetlinkFlags.Ack, sequence, _family, _table, set);
            ElementCodec.WriteElement(_writer, new ElementChange(ElementAction.Add, set, key), keyOnly: true);
            ElementCodec.End(_writer, open);
            var found = new List<Element>();
            var status = _socket.Request(_writer, sequence, (type, payload) => ElementCodec.Read(type, payload, found));

            // ENOENT is also a missing set's; those answers point at another attribute, before the list of elements.
            if (status.Errno == (int)Errno.ENOENT && status.Offset >= open.List)
            {
                return null;
            }

            status.ThrowIfFailed($"looking for {Convert.ToHexStringLower(key.Span)} in {_table} {set}");
            return found.Count > 0 ? found[0] : null;
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>For tests: as on a kernel without "destroy", or with a smaller buffer.</summary>
    internal static NftElements Open(NftFamily family, string table, NetworkNamespace? ns, bool? canDestroy, int? transactionBytes)
    {
        var socket = NetlinkSocket.Open(NetlinkSocket.Netfilter, ns);
        try
        {
            return new NftElements(socket, family, table, canDestroy ?? KnowsDestroy(socket), transactionBytes);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A kernel that does not know the message says EINVAL before it looks for the table.</summary>
    private static bool KnowsDestroy(NetlinkSocket socket)
    {
        const string absent = "gatehouse-probe-absent";
        var writer = new NetlinkWriter();
        var first = socket.NextSequence();
        ElementCodec.WriteBatchEdge(writer, begin: true, first);
        var probe = socket.NextSequence();
        ElementCodec.End(writer, ElementCodec.Begin(writer, ElementCodec.Destroy, NetlinkFlags.Ack, probe, NftFamily.Inet, absent, absent));
        var last = socket.NextSequence();
        ElementCodec.WriteBatchEdge(writer, begin: false, last);
        socket.Send(writer.Written);
        var answer = Errno.None;
        socket.Drain(first, last, (sequence, status) => answer = sequence == probe ? (Errno)status.Errno : answer);
        return answer == Errno.ENOENT;
    }

    /// <summary>
    /// One transaction of as many changes as fit. Adds of one set share a message; the kernel names only the first refused
    /// element of a message, so that refused changes are sent again one for each message, which names all.
    /// </summary>
    private (int Taken, List<ElementFailure> Failures) ApplyTransaction(ReadOnlySpan<ElementChange> changes, int first)
    {
        var batch = new ElementBatch(_writer, _socket, _family, _table, _canDestroy);
        var taken = batch.Write(changes[first..], _transactionBytes, packed: true, skip: null);
        var failures = batch.Send();
        if (failures.Count > 0 && batch.IsPacked)
        {
            taken = batch.Write(changes[first..], _transactionBytes, packed: false, skip: null);
            failures = batch.Send();
        }

        if (failures.Count > 0 && failures.Exists(static failure => failure.IsTolerated))
        {
            // A kernel without "destroy": leave out the deletes of what is not there.
            var skip = failures.Where(static failure => failure.IsTolerated).Select(static failure => failure.Change).ToHashSet();
            taken = batch.Write(changes[first..], _transactionBytes, packed: false, skip);
            failures = batch.Send();
        }

        var reported = new List<ElementFailure>(failures.Count);
        foreach (var (index, status, _) in failures)
        {
            var words = index < 0 ? $"committing {taken} changes of {_table}" : $"{_table}: {changes[first + index]}";
            reported.Add(new ElementFailure(index < 0 ? -1 : first + index, words, (Errno)status.Errno, status.Text));
        }

        return (taken, reported);
    }
}

using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Nftables;

/// <summary>Writes changes of elements as one nfnetlink batch, sends it, and says which change each refusal is about.</summary>
internal sealed class ElementBatch(NetlinkWriter writer, NetlinkSocket socket, NftFamily family, string table, bool canDestroy)
{
    // For each message the change it begins with; a message of a tolerant delete is marked.
    private readonly List<(int Change, bool Tolerant)> _messages = [];
    private (int Message, int List) _open;
    private (ushort Type, NetlinkFlags Flags, string Set)? _openKind;
    private uint _firstSequence;
    private int _lastStart;

    /// <summary>Whether any message has several elements.</summary>
    public bool IsPacked { get; private set; }

    /// <summary>Writes the batch and returns how many of the changes it holds.</summary>
    /// <param name="changes">In order.</param>
    /// <param name="limit">Bytes at most.</param>
    /// <param name="packed">Whether elements of one set may share a message.</param>
    /// <param name="skip">Changes whose delete is left out.</param>
    public int Write(ReadOnlySpan<ElementChange> changes, int limit, bool packed, HashSet<int>? skip)
    {
        const int edge = 64;
        writer.Clear();
        _messages.Clear();
        _openKind = null;
        IsPacked = false;
        _firstSequence = socket.NextSequence();
        ElementCodec.WriteBatchEdge(writer, begin: true, _firstSequence);
        var count = 0;
        for (; count < changes.Length; count++)
        {
            var undo = (writer.Length, _messages.Count, _open, _openKind, _lastStart);
            WriteChange(changes[count], count, packed, skip?.Contains(count) == true);
            if (writer.Length + edge <= limit || count == 0)
            {
                continue;
            }

            writer.Truncate(undo.Length);
            _messages.RemoveRange(undo.Count, _messages.Count - undo.Count);
            (_open, _openKind, _lastStart) = (undo._open, undo._openKind, undo._lastStart);
            break;
        }

        Close();
        if (_messages.Count > 0)
        {
            writer.AddFlags(_lastStart, NetlinkFlags.Ack);
        }

        ElementCodec.WriteBatchEdge(writer, begin: false, socket.NextSequence());
        return count;
    }

    /// <summary>Sends it and returns what was refused. Nothing of a batch with a refusal holds.</summary>
    public List<Refusal> Send()
    {
        var refused = new List<Refusal>();
        if (_messages.Count == 0)
        {
            return refused;
        }

        socket.Send(writer.Written);
        var answered = false;
        var last = _firstSequence + (uint)_messages.Count;

        // The kernel has handled the batch when send returns, so that all its answers are there.
        socket.Drain(_firstSequence, last + 1, (sequence, status) =>
        {
            answered |= sequence == last || status.Failed;
            if (status.Failed)
            {
                var index = (int)(sequence - _firstSequence) - 1;
                refused.Add(index >= 0 && index < _messages.Count
                    ? new Refusal(_messages[index].Change, status, _messages[index].Tolerant && status.Errno == (int)Errno.ENOENT)
                    : new Refusal(-1, status, false));
            }
        });
        return answered ? refused : throw new LinuxException("changing elements of " + table, Errno.EPROTONOSUPPORT, "the kernel gave no answer");
    }

    private void WriteChange(in ElementChange change, int index, bool packed, bool skipDelete)
    {
        const NetlinkFlags create = NetlinkFlags.Create;
        var forgiving = canDestroy ? ElementCodec.Destroy : ElementCodec.Delete;
        switch (change.Action)
        {
            case ElementAction.Add:
                Append(change, index, ElementCodec.New, create, packed, tolerant: false);
                break;
            case ElementAction.Create:
                Append(change, index, ElementCodec.New, create | NetlinkFlags.Exclusive, packed, tolerant: false);
                break;
            case ElementAction.Delete:
                Append(change, index, ElementCodec.Delete, NetlinkFlags.None, packed, tolerant: false);
                break;
            case ElementAction.Remove when !skipDelete:
                Append(change, index, forgiving, NetlinkFlags.None, packed && canDestroy, tolerant: !canDestroy);
                break;
            case ElementAction.Replace:
                if (!skipDelete)
                {
                    Append(change, index, forgiving, NetlinkFlags.None, packed: false, tolerant: !canDestroy);
                }

                Append(change, index, ElementCodec.New, create, packed: false, tolerant: false);
                break;
            default:
                break;
        }
    }

    private void Append(in ElementChange change, int index, ushort type, NetlinkFlags flags, bool packed, bool tolerant)
    {
        var fits = packed && _openKind is { } kind && kind.Type == type && kind.Flags == flags
            && string.Equals(kind.Set, change.Set, StringComparison.Ordinal) && writer.Length - _open.List < ElementCodec.ListLimit;
        if (!fits)
        {
            Close();
            _lastStart = writer.Length;
            _open = ElementCodec.Begin(writer, type, flags, socket.NextSequence(), family, table, change.Set);
            _openKind = (type, flags, change.Set);
            _messages.Add((index, tolerant));
        }

        IsPacked |= fits;
        ElementCodec.WriteElement(writer, change, keyOnly: type != ElementCodec.New);
        if (!packed)
        {
            Close();
        }
    }

    private void Close()
    {
        if (_openKind is not null)
        {
            ElementCodec.End(writer, _open);
            _openKind = null;
        }
    }

    /// <param name="Change">Which change of the batch; -1: the whole.</param>
    /// <param name="Status">The kernel's answer.</param>
    /// <param name="IsTolerated">It was a delete that may find nothing.</param>
    internal readonly record struct Refusal(int Change, NetlinkStatus Status, bool IsTolerated);
}

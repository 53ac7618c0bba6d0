namespace Gatehouse.Linux.Netlink;

/// <summary>Routes, neighbours, forwarding entries and rules to add or delete, in order, in few system calls.</summary>
public sealed class RouteBatch
{
    private readonly List<Entry> _entries = [];

    /// <summary>How many entries there are.</summary>
    public int Count => _entries.Count;

    internal IReadOnlyList<Entry> Entries => _entries;

    /// <summary>Adds the route; it fails with EEXIST if there is one like it.</summary>
    public RouteBatch Add(Route route) => Put(Verb.Add, route);

    /// <summary>Adds the route or puts it in the place of the one to the same destination, table and metric.</summary>
    public RouteBatch Replace(Route route) => Put(Verb.Replace, route);

    /// <summary>Deletes the route; ESRCH if there is none.</summary>
    public RouteBatch Delete(Route route) => Put(Verb.Delete, route);

    public RouteBatch Add(Neighbour neighbour) => Put(Verb.Add, neighbour);

    public RouteBatch Replace(Neighbour neighbour) => Put(Verb.Replace, neighbour);

    /// <summary>Deletes the neighbour; ENOENT if there is none.</summary>
    public RouteBatch Delete(Neighbour neighbour) => Put(Verb.Delete, neighbour);

    public RouteBatch Add(FdbEntry entry) => Put(Verb.Add, entry);

    /// <summary>Adds the entry or moves the address to the new remote.</summary>
    public RouteBatch Replace(FdbEntry entry) => Put(Verb.Replace, entry);

    /// <summary>Adds one more remote for the address; only for the all-zero and for group addresses.</summary>
    public RouteBatch Append(FdbEntry entry) => Put(Verb.Append, entry);

    public RouteBatch Delete(FdbEntry entry) => Put(Verb.Delete, entry);

    /// <summary>Adds the rule; EEXIST if there is the same.</summary>
    public RouteBatch Add(Rule rule) => Put(Verb.Add, rule);

    /// <summary>Deletes the first rule that matches all that is given; ENOENT if there is none.</summary>
    public RouteBatch Delete(Rule rule) => Put(Verb.Delete, rule);

    internal static void Write(NetlinkWriter writer, Entry entry, uint sequence)
    {
        var flags = entry.Verb switch
        {
            Verb.Add => NetlinkFlags.Create | NetlinkFlags.Exclusive,
            Verb.Replace => NetlinkFlags.Create | NetlinkFlags.Replace,
            Verb.Append => NetlinkFlags.Create | NetlinkFlags.Append,
            _ => NetlinkFlags.None,
        };
        var delete = entry.Verb == Verb.Delete;
        switch (entry.Subject)
        {
            case Route route:
                RouteCodec.WriteRoute(writer, delete ? RouteMessage.DeleteRoute : RouteMessage.NewRoute, flags, sequence, route);
                break;
            case Neighbour neighbour:
                RouteCodec.WriteNeighbour(writer, delete ? RouteMessage.DeleteNeighbour : RouteMessage.NewNeighbour, flags, sequence, neighbour);
                break;
            case FdbEntry fdb:
                RouteCodec.WriteFdb(writer, delete ? RouteMessage.DeleteNeighbour : RouteMessage.NewNeighbour, flags, sequence, fdb);
                break;
            case Rule rule:
                RouteCodec.WriteRule(writer, delete ? RouteMessage.DeleteRule : RouteMessage.NewRule, flags, sequence, rule);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private RouteBatch Put(Verb verb, object subject)
    {
        _entries.Add(new Entry(verb, subject));
        return this;
    }

    internal enum Verb
    {
        Add,
        Replace,
        Append,
        Delete,
    }

    internal readonly record struct Entry(Verb Verb, object Subject);
}

/// <summary>An entry that the kernel refused.</summary>
/// <param name="Index">Which one of the batch, from 0.</param>
/// <param name="Act">What it was: <c>add route 10.18.0.64/26 device 4</c>.</param>
/// <param name="Errno">Why.</param>
/// <param name="Detail">The kernel's words, or null.</param>
public sealed record BatchFailure(int Index, string Act, Errno Errno, string? Detail)
{
    /// <summary>It was there already.</summary>
    public bool AlreadyExists => Errno == Errno.EEXIST;

    /// <summary>There was nothing to delete.</summary>
    public bool IsMissing => Errno is Errno.ENOENT or Errno.ESRCH;

    public override string ToString() => LinuxException.Describe(Act, (int)Errno, Detail);
}

/// <summary>What became of a batch: entries not listed were applied. A batch is not a transaction.</summary>
public sealed record BatchOutcome(int Count, IReadOnlyList<BatchFailure> Failures)
{
    /// <summary>Throws unless all failures are of the kinds that the caller expects.</summary>
    /// <exception cref="LinuxException">Names the first five.</exception>
    public void ThrowIfFailed(bool ignoreMissing = false, bool ignoreExisting = false)
    {
        var bad = Failures.Where(failure => !(ignoreMissing && failure.IsMissing) && !(ignoreExisting && failure.AlreadyExists)).ToList();
        if (bad.Count == 0)
        {
            return;
        }

        var more = bad.Count > 5 ? $"; and {bad.Count - 5} more" : "";
        throw new LinuxException($"{bad.Count} of {Count} entries", bad[0].Errno, string.Join("; ", bad.Take(5)) + more);
    }
}

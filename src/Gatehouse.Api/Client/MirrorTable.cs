using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>What an event did to the table.</summary>
internal enum ApplyOutcome
{
    Applied,

    /// <summary>It told nothing new.</summary>
    Repeated,

    /// <summary>A late event or a repeated one of an object that is gone: only a list can tell.</summary>
    InDoubt,
}

/// <summary>
/// Turns lists and events into the present state and the changes that lead to it. Events may repeat or come out of order: an object never goes back to an older
/// revision, and a deleted one does not come back.
/// </summary>
/// <remarks>For one writer. Revisions are decimal and grow with each write of the server; of a server that gives others, events are taken in the order in which they come.</remarks>
internal sealed class MirrorTable<T>(int tombstoneCapacity)
    where T : ApiObject, IKind<T>
{
    private readonly Dictionary<ObjectKey, ulong> _tombstones = [];
    private readonly Queue<(ObjectKey Key, ulong Revision)> _tombstoneOrder = new();
    private ulong _listRevision;
    private ulong _forgotten;

    public ImmutableDictionary<ObjectKey, T> Objects { get; private set; } = ImmutableDictionary<ObjectKey, T>.Empty;

    /// <summary>Where a watch resumes; empty before the first list.</summary>
    public string Revision { get; private set; } = "";

    /// <summary>Takes a state from disk: something to serve, not something to resume from.</summary>
    public IReadOnlyList<ObjectEvent<T>> Load(ImmutableDictionary<ObjectKey, T> objects)
    {
        Objects = objects;
        return [.. objects.Values.Select(o => new ObjectEvent<T>(ObjectEventType.Added, o, o.Metadata.ResourceVersion ?? ""))];
    }

    /// <summary>Makes the table what the list says. Whatever was there and is not in the list was deleted.</summary>
    public IReadOnlyList<ObjectEvent<T>> Replace(ObjectList<T> list)
    {
        var changes = new List<ObjectEvent<T>>();
        var listed = new HashSet<ObjectKey>(list.Items.Count);
        var next = Objects.ToBuilder();
        foreach (var item in list.Items)
        {
            listed.Add(item.Key);
            var old = next.GetValueOrDefault(item.Key);
            if (old is not null && IsSame(old, item)) continue;
            next[item.Key] = item;
            AddChange(changes, old, item, item.Metadata.ResourceVersion ?? list.ResourceVersion);
        }

        foreach (var (key, gone) in Objects)
        {
            if (listed.Contains(key)) continue;
            next.Remove(key);
            changes.Add(new ObjectEvent<T>(ObjectEventType.Deleted, gone, list.ResourceVersion));
        }

        Objects = next.ToImmutable();
        Revision = list.ResourceVersion;
        _listRevision = Number(list.ResourceVersion) ?? 0;
        _forgotten = 0;
        _tombstones.Clear();
        _tombstoneOrder.Clear();
        return changes;
    }

    /// <summary>Applies one event of a watch and adds what readers must hear to <paramref name="changes"/>.</summary>
    public ApplyOutcome Apply(ObjectEvent<T> e, List<ObjectEvent<T>> changes)
    {
        var outcome = e.Object is null ? ApplyOutcome.Applied : ApplyObject(e, e.Object, changes);
        if (outcome != ApplyOutcome.InDoubt) Advance(e.ResourceVersion);
        return outcome;
    }

    private ApplyOutcome ApplyObject(ObjectEvent<T> e, T value, List<ObjectEvent<T>> changes)
    {
        var key = value.Key;
        var old = Objects.GetValueOrDefault(key);
        var revision = Number(e.ResourceVersion);
        if (e.Type == ObjectEventType.Deleted) return ApplyDelete(e, key, old, revision, changes);
        if (old is not null)
        {
            var known = Number(old.Metadata.ResourceVersion);
            if (old.Metadata.ResourceVersion == e.ResourceVersion || revision <= known) return ApplyOutcome.Repeated;
        }
        else if (revision is { } late && late <= Number(Revision))
        {
            if (late <= _listRevision || (_tombstones.TryGetValue(key, out var deleted) && late <= deleted)) return ApplyOutcome.Repeated;
            if (late <= _forgotten) return ApplyOutcome.InDoubt;
        }

        Objects = Objects.SetItem(key, value);
        AddChange(changes, old, value, e.ResourceVersion);
        return ApplyOutcome.Applied;
    }

    private ApplyOutcome ApplyDelete(ObjectEvent<T> e, ObjectKey key, T? old, ulong? revision, List<ObjectEvent<T>> changes)
    {
        // Some servers give a delete the revision of the object's last write, hence less and not less-or-equal.
        if (old is not null && revision < Number(old.Metadata.ResourceVersion)) return ApplyOutcome.Repeated;
        if (revision is { } at) Bury(key, at);
        if (old is null) return ApplyOutcome.Repeated;
        Objects = Objects.Remove(key);
        changes.Add(new ObjectEvent<T>(ObjectEventType.Deleted, old, e.ResourceVersion));
        return ApplyOutcome.Applied;
    }

    private void Bury(ObjectKey key, ulong revision)
    {
        if (_tombstones.TryGetValue(key, out var earlier) && earlier >= revision) return;
        _tombstones[key] = revision;
        _tombstoneOrder.Enqueue((key, revision));
        while (_tombstoneOrder.Count > tombstoneCapacity)
        {
            var (oldKey, oldRevision) = _tombstoneOrder.Dequeue();
            if (_tombstones.GetValueOrDefault(oldKey) == oldRevision) _tombstones.Remove(oldKey);
            _forgotten = Math.Max(_forgotten, oldRevision);
        }
    }

    private void Advance(string revision)
    {
        if (Number(revision) is { } seen && Number(Revision) is { } have && seen < have) return;
        Revision = revision;
    }

    /// <summary>A name with another uid is another object: readers hear of both.</summary>
    private static void AddChange(List<ObjectEvent<T>> changes, T? old, T value, string revision)
    {
        var reborn = old is not null && old.Metadata.Uid != value.Metadata.Uid;
        if (reborn) changes.Add(new ObjectEvent<T>(ObjectEventType.Deleted, old, revision));
        changes.Add(new ObjectEvent<T>(old is null || reborn ? ObjectEventType.Added : ObjectEventType.Modified, value, revision));
    }

    private static bool IsSame(T a, T b) =>
        a.Metadata.ResourceVersion is not null && a.Metadata.ResourceVersion == b.Metadata.ResourceVersion && a.Metadata.Uid == b.Metadata.Uid;

    private static ulong? Number(string? revision) =>
        ulong.TryParse(revision, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

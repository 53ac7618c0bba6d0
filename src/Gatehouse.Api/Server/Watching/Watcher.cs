using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server.Registry;

namespace Gatehouse.Api.Server.Watching;

/// <summary>What waits for one watch.</summary>
/// <param name="Change">Null for a bookmark.</param>
internal readonly record struct WatchItem(WatchChange? Change, ObjectEventType Type, long Revision);

/// <summary>
/// One open watch: a bounded queue of shared changes. When the reader does not keep up, the queue ends; the client resumes from the last revision it saw.
/// </summary>
/// <remarks>The hub writes, under its feed's lock; one reader reads.</remarks>
internal sealed class Watcher
{
    private readonly Channel<WatchItem> _items;

    public Watcher(RegisteredKind kind, ObjectFilter filter, bool bookmarks, int capacity)
    {
        Kind = kind;
        Filter = filter;
        Bookmarks = bookmarks;
        // Full: TryWrite says no, and the watch ends. Nothing is dropped silently.
        _items = Channel.CreateBounded<WatchItem>(new BoundedChannelOptions(capacity) { SingleReader = true });
    }

    public RegisteredKind Kind { get; }

    public ObjectFilter Filter { get; }

    /// <summary>Whether the client asked for bookmarks.</summary>
    public bool Bookmarks { get; }

    /// <summary>Everything up to it was delivered or comes another way. Owned by the feed once the watcher is in it.</summary>
    public long After { get; set; }

    /// <summary>Which of the bookmark rounds it takes part in.</summary>
    public int Slot { get; set; }

    public ChannelReader<WatchItem> Items => _items.Reader;

    /// <returns>False when the queue is full.</returns>
    public bool Offer(WatchChange change)
    {
        if (change.Revision <= After) return true;
        After = change.Revision;
        return change.For(Filter) is not { } type || _items.Writer.TryWrite(new WatchItem(change, type, change.Revision));
    }

    /// <summary>A full queue gets no bookmark: there is progress enough in it.</summary>
    public void OfferBookmark(long revision)
    {
        if (revision >= After) _items.Writer.TryWrite(new WatchItem(null, ObjectEventType.Bookmark, revision));
    }

    /// <summary>Ends the queue behind what is in it, which is without gap: the reader takes that, and the client resumes there.</summary>
    public void End() => _items.Writer.TryComplete();
}

using System.Threading.Channels;

namespace Gatehouse.Store.Watch;

/// <summary>One reader of live changes and its bounded buffer. The hub writes, under its lock; the reader takes.</summary>
internal sealed class Watcher(string prefix, long after, int buffer)
{
    private readonly Channel<StoreEvent> _events = Channel.CreateBounded<StoreEvent>(new BoundedChannelOptions(buffer)
    {
        // TryWrite says no when full; the hub never waits for a reader.
        FullMode = BoundedChannelFullMode.Wait,
        SingleReader = true,
        SingleWriter = true,
    });

    public string Prefix => prefix;

    public ChannelReader<StoreEvent> Events => _events.Reader;

    /// <summary>The newest revision that the reader was told of, by a change or by progress.</summary>
    public long Told { get; private set; } = after;

    /// <summary>After an overflow: everything up to here was put into the buffer, what follows was not. Null while nothing is missing.</summary>
    public long? MissedAfter { get; private set; }

    /// <summary>False when the buffer is full: the reader then finds the end of the sequence and goes back to the history.</summary>
    public bool Offer(StoreEvent change)
    {
        if (MissedAfter is not null || change.Revision <= Told) return true;
        if (_events.Writer.TryWrite(change))
        {
            Told = change.Revision;
            return true;
        }

        MissedAfter = change.Revision - 1;
        _events.Writer.Complete();
        return false;
    }

    /// <summary>Says how far the store is, unless changes wait to be read: those say it better.</summary>
    public void OfferProgress(long revision)
    {
        if (_events.Reader.Count == 0) Offer(new StoreEvent(revision, Key: null, Value: null, Previous: null));
    }

    public void End() => _events.Writer.TryComplete();
}

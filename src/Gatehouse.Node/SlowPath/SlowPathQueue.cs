using System.Net;

namespace Gatehouse.Node.SlowPath;

/// <summary>What became of a packet that the queue was offered.</summary>
internal enum QueueOutcome
{
    /// <summary>It is the first one for its destination: somebody has to resolve that.</summary>
    First,

    /// <summary>It waits behind others.</summary>
    Queued,

    /// <summary>No room: too many for its destination, or too many destinations.</summary>
    Full,
}

/// <summary>Packets that wait for their destination to be resolved, in the order in which they came: the fragments of a datagram belong together.</summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class SlowPathQueue(int destinations, int packets)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, List<byte[]>> _waiting = [];

    /// <summary>Destinations that wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

    public QueueOutcome Offer(IPAddress destination, ReadOnlySpan<byte> packet)
    {
        lock (_gate)
        {
            if (_waiting.TryGetValue(destination, out var queue))
            {
                if (queue.Count >= packets) return QueueOutcome.Full;
                queue.Add(packet.ToArray());
                return QueueOutcome.Queued;
            }

            if (_waiting.Count >= destinations) return QueueOutcome.Full;
            _waiting[destination] = [packet.ToArray()];
            return QueueOutcome.First;
        }
    }

    /// <summary>Takes all that waits for a destination; the next packet for it is a first one again.</summary>
    public IReadOnlyList<byte[]> Take(IPAddress destination)
    {
        lock (_gate) return _waiting.Remove(destination, out var queue) ? queue : [];
    }
}

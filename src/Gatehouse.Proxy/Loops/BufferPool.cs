namespace Gatehouse.Proxy.Loops;

/// <summary>
/// Buffers of one loop in two sizes, last used first. A connection has one only while it holds bytes: a head that isn't whole, a request whose response has not begun, what the peer has
/// not taken. They stand still in memory, so that the kernel and OpenSSL can be given their addresses at no cost.
/// </summary>
internal sealed class BufferPool
{
    /// <summary>Room for the heads that nearly all clients send.</summary>
    public const int Small = 16 * 1024;

    /// <summary>Room for the largest head and for what one read brings.</summary>
    public const int Large = 136 * 1024;

    private const int MostKept = 1_024;
    private readonly Stack<byte[]> _small = new(64);
    private readonly Stack<byte[]> _large = new(64);

    /// <summary>How many are in use; for figures.</summary>
    public long InUse { get; private set; }

    /// <summary>Bytes of those that wait.</summary>
    public long KeptBytes => ((long)_small.Count * Small) + ((long)_large.Count * Large);

    public byte[] RentSmall() => Rent(_small, Small);

    public byte[] RentLarge() => Rent(_large, Large);

    /// <summary>Gives one back, of either size. Beyond 1,024 that wait it is left to the garbage collector.</summary>
    public void Return(byte[] buffer)
    {
        InUse--;
        var stack = buffer.Length == Small ? _small : _large;
        if (stack.Count < MostKept) stack.Push(buffer);
    }

    private byte[] Rent(Stack<byte[]> stack, int size)
    {
        InUse++;
        return stack.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(size, pinned: true);
    }
}

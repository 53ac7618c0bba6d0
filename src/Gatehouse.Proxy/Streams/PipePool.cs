using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Streams;

/// <summary>A pipe between two sockets.</summary>
internal sealed class Pipe(int readEnd, int writeEnd, int capacity)
{
    public int ReadEnd { get; } = readEnd;

    public int WriteEnd { get; } = writeEnd;

    /// <summary>What it holds at most; the kernel counts pages, so that it may be full with less.</summary>
    public int Capacity { get; } = capacity;

    /// <summary>What is in it.</summary>
    public int Bytes { get; set; }

    public void Close()
    {
        SocketCalls.Close(ReadEnd);
        SocketCalls.Close(WriteEnd);
    }
}

/// <summary>
/// The pipes of one loop, last used first. A connection has one only while there is something in it. Where the bound is reached or the kernel gives none, bytes are copied instead: slower,
/// and nothing else.
/// </summary>
internal sealed class PipePool : IDisposable
{
    /// <summary>What one holds, where the kernel allows that. Larger ones are refused to who is not privileged.</summary>
    public const int Size = 1 << 20;

    /// <summary>Pipes at a time: they bound what the kernel keeps for readers that are slow.</summary>
    public const int MostInUse = 256;

    private const int MostKept = 32;
    private readonly Stack<Pipe> _kept = new(MostKept);

    /// <summary>How many hold something or are being moved through.</summary>
    public int InUse { get; private set; }

    /// <summary>How many wait for the next connection.</summary>
    public int Kept => _kept.Count;

    /// <summary>How often there was none, and bytes were copied.</summary>
    public long Declined { get; private set; }

    /// <summary>One that is empty; null: there is none.</summary>
    public Pipe? Rent()
    {
        if (!_kept.TryPop(out var pipe)) pipe = Open();
        if (pipe is null) Declined++;
        else InUse++;
        return pipe;
    }

    /// <summary>Gives one back. One that still holds something is closed, and that is lost.</summary>
    public void Return(Pipe pipe)
    {
        InUse--;
        if (pipe.Bytes == 0 && _kept.Count < MostKept) _kept.Push(pipe);
        else pipe.Close();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_kept.TryPop(out var pipe)) pipe.Close();
    }

    private Pipe? Open()
    {
        if (InUse >= MostInUse) return null;
        var capacity = PipeCalls.Open(Size, out var readEnd, out var writeEnd);
        return capacity > 0 ? new Pipe(readEnd, writeEnd, capacity) : null;
    }
}

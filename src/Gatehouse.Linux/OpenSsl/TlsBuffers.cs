using System.Runtime.InteropServices;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>
/// Ciphertext of one loop thread for the length of one connection's turn: what was received goes in, what is to be sent comes out. Sessions that were made with it use
/// no other, so a connection stays on its loop. In a turn: receive into <see cref="Incoming"/>, tell <see cref="Received"/>, run the session until it answers
/// <see cref="TlsStatus.WantInput"/>, send <see cref="Outgoing"/>, tell <see cref="Sent"/>; what the kernel does not take now is the loop's to keep, so that the buffer is
/// empty for the next connection. A loop that in one turn reads from a client and writes to an upstream, both in TLS, has one of these for each direction. Not safe for
/// several threads.
/// </summary>
public sealed unsafe class TlsBuffers : IDisposable
{
    /// <summary>A record of 16 KB with the most that any cipher adds, and what OpenSSL may want to say before it (RFC 5246 §6.2.3: 2,048 bytes).</summary>
    internal const int RecordRoom = MaxRecord + 2_048;

    internal const int MaxRecord = 16_384;

    private readonly int _incomingCapacity;
    private TlsTurn* _turn;

    /// <param name="incoming">Bytes for what is received in one turn. Default 64 KB, at least 1 KB.</param>
    /// <param name="outgoing">Bytes for what is to be sent. Default 128 KB, at least 32 KB: a record must fit in.</param>
    public TlsBuffers(int incoming = 64 * 1024, int outgoing = 128 * 1024)
        : this(incoming, outgoing, checkRoom: true)
    {
    }

    /// <summary>For tests of what happens when the room ends within a handshake.</summary>
    internal TlsBuffers(int incoming, int outgoing, bool checkRoom)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(incoming, checkRoom ? 1_024 : 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outgoing, checkRoom ? 32 * 1024 : 1);
        OpenSslLibrary.Load();
        _incomingCapacity = incoming;
        _turn = (TlsTurn*)NativeMemory.AllocZeroed((nuint)sizeof(TlsTurn));
        _turn->Incoming = (byte*)NativeMemory.Alloc((nuint)incoming);
        _turn->Outgoing = (byte*)NativeMemory.Alloc((nuint)outgoing);
        _turn->OutgoingCapacity = outgoing;
        _turn->Owner = GCHandle.ToIntPtr(GCHandle.Alloc(this));
    }

    /// <summary>Where to receive: all of the buffer when all was read, else what is left of it.</summary>
    public Span<byte> Incoming
    {
        get
        {
            var turn = Turn;
            if (turn->Unread == 0) turn->IncomingStart = turn->IncomingEnd = 0;
            return new Span<byte>(turn->Incoming + turn->IncomingEnd, _incomingCapacity - turn->IncomingEnd);
        }
    }

    /// <summary>Received bytes that no session has read. A session that answered <see cref="TlsStatus.WantInput"/> has read all.</summary>
    public int Unread => Turn->Unread;

    /// <summary>What is to be sent now.</summary>
    public ReadOnlySpan<byte> Outgoing => new(Turn->Outgoing + Turn->OutgoingStart, Turn->OutgoingEnd - Turn->OutgoingStart);

    /// <summary>What the running session's context has for callbacks.</summary>
    internal TlsContextData? Context { get; set; }

    /// <summary>Whom the running session is with, if it is a client's.</summary>
    internal TlsPeer? Peer { get; set; }

    internal TlsTurn* Turn
    {
        get
        {
            ObjectDisposedException.ThrowIf(_turn is null, this);
            return _turn;
        }
    }

    /// <summary>So many bytes were put into <see cref="Incoming"/>.</summary>
    public void Received(int count)
    {
        var turn = Turn;
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_incomingCapacity - turn->IncomingEnd), nameof(count));
        if (turn->Unread == 0) turn->Reader = 0;
        turn->IncomingEnd += count;
    }

    /// <summary>So many bytes of <see cref="Outgoing"/> were taken.</summary>
    public void Sent(int count)
    {
        var turn = Turn;
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(turn->OutgoingEnd - turn->OutgoingStart), nameof(count));
        turn->OutgoingStart += count;
        if (turn->OutgoingStart == turn->OutgoingEnd) turn->OutgoingStart = turn->OutgoingEnd = 0;
    }

    /// <summary>Drops both directions: of a connection that is closed without another word.</summary>
    public void Clear()
    {
        var turn = Turn;
        turn->IncomingStart = turn->IncomingEnd = turn->OutgoingStart = turn->OutgoingEnd = 0;
    }

    /// <summary>Frees the memory. Sessions that were made with it must be gone.</summary>
    public void Dispose()
    {
        if (_turn is null) return;
        GCHandle.FromIntPtr(_turn->Owner).Free();
        NativeMemory.Free(_turn->Incoming);
        NativeMemory.Free(_turn->Outgoing);
        NativeMemory.Free(_turn);
        _turn = null;
    }
}

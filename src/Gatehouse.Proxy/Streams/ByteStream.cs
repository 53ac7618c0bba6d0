using System.Runtime.CompilerServices;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Streams;

/// <summary>Who goes on when a stream can be read or written again, or is broken.</summary>
internal interface IStreamOwner
{
    /// <summary>Something changed; the stream's properties say what.</summary>
    void OnStream();
}

/// <summary>
/// A connected socket of a loop. It is watched once, for changes alone, so that no request costs a call to say what is waited for: <see cref="CanRead"/> and <see cref="CanWrite"/> remember
/// what the kernel told. What the peer does not take at once is kept in one buffer; while there is something in it, whoever fills it has to stop (back-pressure).
/// </summary>
#pragma warning disable CA1001 // Closing it disposes what it has; it is then used for another socket.
internal sealed partial class ByteStream : IWatched
#pragma warning restore CA1001
{
    private const EpollEvents Watched = EpollEvents.In | EpollEvents.Out | EpollEvents.PeerClosed | EpollEvents.EdgeTriggered;

    private int _slot;
    private byte[]? _pending;
    private int _pendingStart;
    private int _pendingEnd;
    private bool _endAfterPending;
    private bool _socketReadable;
    private TlsTransport? _tls;

    public ByteStream(Loop loop) => Loop = loop;

    public Loop Loop { get; }

    /// <summary>Who is told; set before it is opened, and changed when another goes on with it.</summary>
    public IStreamOwner? Owner { get; set; }

    /// <summary>The descriptor; -1 when it is closed.</summary>
    public int Fd { get; private set; } = -1;

    public bool IsOpen => Fd >= 0;

    /// <summary>A read may bring something: bytes, the end, or an error.</summary>
    public bool CanRead => _socketReadable || HasKept;

    /// <summary>Decrypted bytes wait to be read.</summary>
    internal bool HasKept { get; set; }

    /// <summary>The connection was made from here.</summary>
    public bool IsClient { get; private set; }

    /// <summary>The TLS session; null for a connection in plain.</summary>
    public TlsSession? Tls => _tls?.Session;

    /// <summary>The socket takes bytes, as far as is known.</summary>
    public bool CanWrite { get; private set; }

    /// <summary>The peer has ended its side; bytes of it may still be unread.</summary>
    public bool PeerClosed { get; private set; }

    /// <summary>The connection was reset or failed.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>The negative error number with which it broke.</summary>
    public int Error { get; private set; }

    /// <summary>Our side was ended.</summary>
    public bool SendEnded { get; private set; }

    /// <summary>There are bytes that the peer has not taken.</summary>
    public bool HasPending => _pending is not null;

    /// <summary>Bytes received and sent since it was opened, without what TLS adds.</summary>
    public long BytesIn { get; private set; }

    public long BytesOut { get; private set; }

    /// <summary>Takes over a connected or connecting socket. False: it can't be watched, and is closed.</summary>
    public bool Open(int fd, bool connected, bool isClient = false)
    {
        Fd = fd;
        IsClient = isClient;
        PeerClosed = IsBroken = SendEnded = _endAfterPending = false;
        _socketReadable = CanWrite = connected;
        HasKept = false;
        Error = 0;
        BytesIn = BytesOut = 0;
        _slot = Loop.Watch(fd, Watched, this);
        if (_slot >= 0) return true;
        SocketCalls.Close(fd);
        Fd = -1;
        return false;
    }

    /// <inheritdoc/>
    public void OnReady(EpollEvents events)
    {
        if (Has(events, EpollEvents.In | EpollEvents.PeerClosed | EpollEvents.HangUp | EpollEvents.Error)) _socketReadable = true;
        if (Has(events, EpollEvents.PeerClosed | EpollEvents.HangUp)) PeerClosed = true;
        if (Has(events, EpollEvents.Error)) IsBroken = true;
        if (Has(events, EpollEvents.Out))
        {
            CanWrite = true;
            if (_pending is not null) Flush();
        }

        Owner?.OnStream();
    }

    /// <summary>Speaks TLS from now on; <see cref="Handshake"/> comes first.</summary>
    public void Secure(TlsSession session) => _tls = new TlsTransport(this, session);

    /// <summary>Goes on with the TLS handshake: Done, WantInput or Failed.</summary>
    public TlsStatus Handshake() => _tls!.Handshake();

    /// <summary>Reads. Bytes read; 0 at the end; EAGAIN when there is nothing; another negative error number when it broke.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Receive(Span<byte> into)
    {
        var count = _tls is null ? ReceiveRaw(into) : _tls.Receive(into);
        if (count > 0) BytesIn += count;
        return count;
    }

    /// <summary>Looks at what could be read from the socket; outcomes as of a read.</summary>
    public int Peek(Span<byte> into)
    {
        var count = SocketCalls.PeekAt(Fd, into);
        return count > 0 ? count : ReceiveNothing(count);
    }

    /// <summary>Sends, and keeps what the peer does not take. False: it broke, or there is something kept now.</summary>
    public bool Send(ReadOnlySpan<byte> bytes)
    {
        BytesOut += bytes.Length;
        if (_tls is null) return SendRaw(bytes);
        return _tls.Send(bytes) && !HasPending && !IsBroken;
    }

    /// <summary>Reads from the socket.</summary>
    internal int ReceiveRaw(Span<byte> into)
    {
        var count = SocketCalls.Receive(Fd, into);
        if (count <= 0) return ReceiveNothing(count);

        // A short read has taken all there was; the end of the stream comes behind it without another event.
        if (count < into.Length && !PeerClosed) _socketReadable = false;
        return count;
    }

    /// <summary>Sends what TLS has to send.</summary>
    internal void SendCiphertext(TlsBuffers buffers)
    {
        var bytes = buffers.Outgoing;
        if (bytes.IsEmpty) return;
        SendRaw(bytes);
        buffers.Sent(bytes.Length);
    }

    private bool SendRaw(ReadOnlySpan<byte> bytes)
    {
        if (_pending is null && CanWrite)
        {
            var count = SocketCalls.Send(Fd, bytes);
            if (count == bytes.Length) return true;
            if (count < 0 && !IsAgain(count)) return Break(count);
            CanWrite = false;
            bytes = bytes[Math.Max(count, 0)..];
        }

        if (!IsBroken) Keep(bytes);
        return false;
    }

    /// <summary>Ends our side, after what is kept.</summary>
    public void EndSend()
    {
        if (SendEnded || _endAfterPending) return;
        _tls?.EndSend();
        FinishSend();
    }

    private void FinishSend()
    {
        if (HasPending)
        {
            _endAfterPending = true;
            return;
        }

        SendEnded = true;
        _ = SocketCalls.ShutdownSend(Fd);
    }

    /// <summary>Closes it; what is kept is lost.</summary>
    /// <param name="reset">So that the peer takes what it got for cut off.</param>
    public void Close(bool reset = false)
    {
        if (Fd < 0) return;
        Loop.Forget(_slot);
        _tls?.Dispose();
        _tls = null;
        HasKept = false;
        if (reset) SocketCalls.Reset(Fd);
        else SocketCalls.Close(Fd);
        Fd = -1;
        Drop();
    }

    /// <summary>Whether connecting has come to an end, and how: 0, or the negative error number.</summary>
    public int TakeConnectOutcome() => SocketCalls.TakeError(Fd);

    private int ReceiveNothing(int count)
    {
        if (count == 0)
        {
            PeerClosed = true;
            return 0;
        }

        if (IsAgain(count))
        {
            _socketReadable = false;
            return SocketCalls.EAgain;
        }

        Break(count);
        return count;
    }

    private static bool Has(EpollEvents events, EpollEvents any) => (events & any) != EpollEvents.None;

    private static bool IsAgain(int count) => count is SocketCalls.EAgain or SocketCalls.EInterrupted;

    private bool Break(int error)
    {
        IsBroken = _socketReadable = true; // What came before it broke can still be read.
        CanWrite = false;
        Error = error;
        Drop();
        return false;
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_pending is null)
        {
            _pending = bytes.Length <= BufferPool.Small ? Loop.Buffers.RentSmall() : Loop.Buffers.RentLarge();
            _pendingStart = _pendingEnd = 0;
        }

        if (_pendingEnd + bytes.Length > _pending.Length) MakeRoom(bytes.Length);
        bytes.CopyTo(_pending.AsSpan(_pendingEnd));
        _pendingEnd += bytes.Length;
    }

    private void MakeRoom(int more)
    {
        var length = _pendingEnd - _pendingStart;
        var old = _pending!;
        if (length + more > old.Length)
        {
            // What is sent at once is bounded by what one turn reads and composes; more than that is not kept in a pooled buffer.
            _pending = length + more <= BufferPool.Large ? Loop.Buffers.RentLarge() : new byte[length + more];
        }

        old.AsSpan(_pendingStart, length).CopyTo(_pending);
        if (_pending != old) GiveBack(old);
        _pendingStart = 0;
        _pendingEnd = length;
    }

    private void Flush()
    {
        var count = SocketCalls.Send(Fd, _pending.AsSpan(_pendingStart, _pendingEnd - _pendingStart));
        if (count < 0)
        {
            if (IsAgain(count)) CanWrite = false;
            else Break(count);
            return;
        }

        _pendingStart += count;
        if (_pendingStart < _pendingEnd)
        {
            CanWrite = false;
            return;
        }

        Drop();
        if (!_endAfterPending) return;
        _endAfterPending = false;
        FinishSend();
    }

    private void Drop()
    {
        if (_pending is null) return;
        GiveBack(_pending);
        _pending = null;
    }

    private void GiveBack(byte[] buffer)
    {
        if (buffer.Length is BufferPool.Small or BufferPool.Large) Loop.Buffers.Return(buffer);
    }
}

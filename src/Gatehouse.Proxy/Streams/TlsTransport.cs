using Gatehouse.Linux.OpenSsl;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Streams;

/// <summary>
/// The TLS of one stream. What is received is decrypted at once and whole, so that the loop's ciphertext buffer is free for the next connection; plain bytes for which the reader has no room
/// are kept here, in a pooled buffer, until it has.
/// </summary>
internal sealed class TlsTransport(ByteStream stream, TlsSession session) : IDisposable
{
    /// <summary>A record may end in what is received, of which all but the last bytes came before.</summary>
    private const int RecordRoom = 17 * 1024;

    /// <summary>Readers with less room than this are given copies.</summary>
    private const int DirectRoom = 48 * 1024;

    private byte[]? _kept;
    private int _keptStart;
    private int _keptEnd;
    private bool _isEnded;
    private int _ending;

    public TlsSession Session => session;

    private TlsBuffers Buffers => stream.Loop.Tls;

    /// <summary>Goes on with the handshake as far as it can. Done, WantInput or Failed.</summary>
    public TlsStatus Handshake()
    {
        while (true)
        {
            var status = session.Handshake();
            stream.SendCiphertext(Buffers);
            if (status == TlsStatus.WantOutput) continue;
            if (status != TlsStatus.WantInput)
            {
                if (status == TlsStatus.Done) KeepEarly();
                else Buffers.Clear();
                return status;
            }

            var count = stream.CanRead ? stream.ReceiveRaw(Buffers.Incoming) : SocketCalls.EAgain;
            if (count == SocketCalls.EAgain) return TlsStatus.WantInput;
            if (count <= 0) return session.EndInput();
            Buffers.Received(count);
        }
    }

    /// <summary>Reads plain bytes; outcomes as <see cref="ByteStream.Receive"/> has them.</summary>
    public int Receive(Span<byte> into)
    {
        if (_kept is not null) return TakeKept(into);
        if (_isEnded) return _ending;
        while (true)
        {
            var direct = into.Length >= DirectRoom;
            var incoming = Buffers.Incoming;
            var count = stream.ReceiveRaw(direct ? incoming[..Math.Min(incoming.Length, into.Length - RecordRoom)] : incoming[..Math.Min(incoming.Length, BufferPool.Small)]);
            if (count == SocketCalls.EAgain) return count;
            if (count <= 0) return count < 0 ? count : session.EndInput() == TlsStatus.Closed || !stream.IsClient ? 0 : SocketCalls.EConnectionReset;
            Buffers.Received(count);
            var plain = direct ? into : stream.Loop.Plain.AsSpan();
            var status = session.Read(plain, out var produced);
            stream.SendCiphertext(Buffers); // A peer may have asked for new keys.
            if (status is TlsStatus.Failed or TlsStatus.Closed) End(status);
            if (produced > 0) return direct ? produced : Give(plain[..produced], into);
            if (_isEnded) return _ending;
            if (!stream.CanRead) return SocketCalls.EAgain;
        }
    }

    /// <summary>Encrypts and sends; what the kernel does not take is kept as ciphertext.</summary>
    public bool Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var status = session.Write(bytes, out var count);
            stream.SendCiphertext(Buffers);
            bytes = bytes[count..];
            if (status is not (TlsStatus.Done or TlsStatus.WantOutput)) return false;
        }

        return true;
    }

    /// <summary>Says that nothing more will be sent.</summary>
    public void EndSend()
    {
        _ = session.Shutdown();
        stream.SendCiphertext(Buffers);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ReturnKept();
        session.Dispose();
    }

    /// <summary>What came behind the handshake's last bytes: most clients send their request with them.</summary>
    private void KeepEarly()
    {
        if (Buffers.Unread == 0) return;
        var plain = stream.Loop.Plain.AsSpan();
        var status = session.Read(plain, out var count);
        stream.SendCiphertext(Buffers); // It may have been answered at once, as asking to renegotiate is: the buffer is the next connection's.
        if (status is TlsStatus.Failed or TlsStatus.Closed) End(status);
        if (count > 0) Keep(plain[..count]);
    }

    /// <summary>No more plain bytes come, though the socket may still be open: the reader is told after those that are there.</summary>
    private void End(TlsStatus status)
    {
        Buffers.Clear();
        _isEnded = true;
        _ending = status == TlsStatus.Closed ? 0 : SocketCalls.EConnectionReset;
        stream.HasKept = true;
    }

    private int Give(ReadOnlySpan<byte> plain, Span<byte> into)
    {
        var count = Math.Min(plain.Length, into.Length);
        plain[..count].CopyTo(into);
        if (count < plain.Length) Keep(plain[count..]);
        return count;
    }

    private void Keep(ReadOnlySpan<byte> plain)
    {
        _kept = plain.Length <= BufferPool.Small ? stream.Loop.Buffers.RentSmall() : stream.Loop.Buffers.RentLarge();
        plain.CopyTo(_kept);
        (_keptStart, _keptEnd) = (0, plain.Length);
        stream.HasKept = true;
    }

    private int TakeKept(Span<byte> into)
    {
        var count = Math.Min(_keptEnd - _keptStart, into.Length);
        _kept.AsSpan(_keptStart, count).CopyTo(into);
        _keptStart += count;
        if (_keptStart == _keptEnd) ReturnKept();
        return count;
    }

    private void ReturnKept()
    {
        if (_kept is null) return;
        stream.Loop.Buffers.Return(_kept);
        _kept = null;
        stream.HasKept = _isEnded;
    }
}

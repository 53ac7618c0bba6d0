using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>
/// One end of TLS on one connection, for a loop's thread. It takes ciphertext from its <see cref="TlsBuffers"/> and puts ciphertext there; it never touches a socket,
/// never waits, and neither allocates nor throws for what a peer does. After every call, also one that failed, <see cref="TlsBuffers.Outgoing"/> may have bytes to send.
/// Not safe for several threads; disposing it sends nothing.
/// </summary>
public sealed unsafe class TlsSession : IDisposable
{
    private readonly TlsBuffers _buffers;
    private readonly TlsPeer? _peer;
    private readonly TlsContextData _data;
    private TlsContext? _handshaking;
    private nint _ssl;
    private bool _agreed;
    private bool _broken;
    private TlsStatus _readEnd;

    private TlsSession(TlsContext context, TlsPeer? peer, TlsBuffers buffers)
    {
        _handshaking = context;
        _peer = peer;
        _buffers = buffers;
        _data = context.Data;
        try
        {
            Libcrypto.ClearErrors();
            _ssl = Libssl.New(context.Handle);
            OpenSslLibrary.Require(_ssl != 0, "making a TLS session");
            var bio = TlsBio.Create(buffers.Turn);
            Libssl.SetBio(_ssl, bio, bio);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether the handshake is done, and nothing has broken the session since.</summary>
    public bool Established => _agreed && !_broken;

    /// <summary>Why it failed; of kind <see cref="TlsFaultKind.None"/> while it has not.</summary>
    public TlsFault LastFault { get; private set; }

    /// <summary>The version agreed to; none before the handshake is done.</summary>
    public TlsProtocol Version => _agreed ? (TlsProtocol)Libssl.Version(Ssl) : TlsProtocol.None;

    /// <summary>The cipher suite agreed to, in ASCII and for good: the name is the library's. Empty before.</summary>
    public ReadOnlySpan<byte> Cipher => Libssl.CurrentCipher(Ssl) is not 0 and var cipher ? MemoryMarshal.CreateReadOnlySpanFromNullTerminated(Libssl.CipherName(cipher)) : default;

    /// <summary>The name that the client asked for (SNI), as it wrote it, until the session is disposed. Empty: none.</summary>
    public ReadOnlySpan<byte> ServerName => MemoryMarshal.CreateReadOnlySpanFromNullTerminated(Libssl.ServerName(Ssl, 0));

    /// <summary>The protocol within TLS, as bytes, until the session is disposed. Empty: none.</summary>
    public ReadOnlySpan<byte> AlpnName
    {
        get
        {
            byte* name;
            uint length;
            Libssl.AlpnSelected(Ssl, &name, &length);
            return new ReadOnlySpan<byte>(name, (int)length);
        }
    }

    /// <summary>The protocol within TLS.</summary>
    public TlsAlpn Alpn
    {
        get
        {
            var name = AlpnName;
            return name.IsEmpty ? TlsAlpn.None : name.SequenceEqual("http/1.1"u8) ? TlsAlpn.Http11 : name.SequenceEqual("h2"u8) ? TlsAlpn.Http2 : TlsAlpn.Other;
        }
    }

    /// <summary>Whether an earlier session was resumed.</summary>
    public bool Resumed => Libssl.SessionReused(Ssl) == 1;

    /// <summary>The peer's certificate, or null: it has shown none. Allocates; a resumed session has the one that was shown then.</summary>
    public TlsPeerCertificate? PeerCertificate
    {
        get
        {
            var certificate = Libssl.PeerCertificate(Ssl);
            if (certificate == 0) return null;
            try
            {
                return TlsPeerCertificate.Of(certificate);
            }
            finally
            {
                Libcrypto.FreeCertificate(certificate);
            }
        }
    }

    /// <summary>The SSL, for tests of what only OpenSSL can do.</summary>
    internal nint Ssl
    {
        get
        {
            ObjectDisposedException.ThrowIf(_ssl == 0, this);
            return _ssl;
        }
    }

    /// <summary>The server's end of a connection that was accepted. Null: the context was disposed meanwhile; take the present one.</summary>
    /// <exception cref="OpenSslException">There is no memory for it.</exception>
    public static TlsSession? Accept(TlsContext context, TlsBuffers buffers)
    {
        if (!context.IsServer) throw new ArgumentException("a client's context accepts nothing", nameof(context));
        if (!context.TryEnter()) return null;
        var session = new TlsSession(context, null, buffers);
        Libssl.SetAcceptState(session._ssl);
        return session;
    }

    /// <summary>The client's end of a connection that was made. The first <see cref="Handshake"/> needs no input. Null: the peer's context was disposed meanwhile.</summary>
    /// <inheritdoc cref="Accept"/>
    public static TlsSession? Connect(TlsPeer peer, TlsBuffers buffers)
    {
        if (!peer.Context.TryEnter()) return null;
        var session = new TlsSession(peer.Context, peer, buffers);
        Libssl.SetConnectState(session._ssl);
        session.SetPeer(peer);
        return session;
    }

    /// <summary>
    /// Goes on with the handshake. Done: it is finished; what was received beyond it is still there for <see cref="Read"/>, which a loop calls at once. Never
    /// <see cref="TlsStatus.Closed"/>.
    /// </summary>
    public TlsStatus Handshake()
    {
        if (_broken) return TlsStatus.Failed;
        if (_handshaking is null) return TlsStatus.Done;
        Begin(reading: true);
        var result = Libssl.Handshake(_ssl);
        if (result != 1) return Ended(result) is var status && status == TlsStatus.Closed ? Break(TlsFault.Truncation) : status;
        Leave();
        _agreed = true;
        if (_peer is not null) KeepRenewed(_peer);
        return TlsStatus.Done;
    }

    /// <summary>
    /// Reads what was received. With room for 16 KB more than was received it never answers <see cref="TlsStatus.Done"/>, and afterwards no ciphertext is left: OpenSSL
    /// keeps the beginning of a record that is not complete. Done: <paramref name="plain"/> is full, and there may be more: call again in the same turn. Bytes may have
    /// come with every answer, also with <see cref="TlsStatus.Closed"/> and <see cref="TlsStatus.Failed"/>: they were whole and authentic.
    /// </summary>
    public TlsStatus Read(Span<byte> plain, out int count)
    {
        count = 0;
        if (_readEnd != TlsStatus.Done) return _readEnd;
        if (_handshaking is not null && Handshake() is not TlsStatus.Done and var early) return early;
        var turn = Begin(reading: true);
        fixed (byte* start = plain)
        {
            while (count < plain.Length)
            {
                var result = Libssl.Read(_ssl, start + count, plain.Length - count);
                if (result <= 0) return Ended(result);
                count += result;

                // Less than there was room for is the end of a record: asking OpenSSL once more would only tell the same.
                if (turn->Unread == 0 && count < plain.Length) return TlsStatus.WantInput;
            }
        }

        return TlsStatus.Done;
    }

    /// <summary>Encrypts. Done: all of it. WantOutput: the first <paramref name="count"/> bytes; send, and call again with the rest, which may have changed.</summary>
    public TlsStatus Write(ReadOnlySpan<byte> plain, out int count)
    {
        count = 0;
        if (_broken) return TlsStatus.Failed;
        if (_handshaking is not null && Handshake() is not TlsStatus.Done and var early) return early;
        var turn = Begin(reading: false);
        fixed (byte* start = plain)
        {
            while (count < plain.Length)
            {
                // Nothing is begun that does not fit: OpenSSL would keep the record and want the same bytes again.
                var records = turn->Free / TlsBuffers.RecordRoom;
                if (records == 0) return TlsStatus.WantOutput;
                var result = Libssl.Write(_ssl, start + count, Math.Min(plain.Length - count, records * TlsBuffers.MaxRecord));
                if (result <= 0) return Ended(result);
                count += result;
            }
        }

        return TlsStatus.Done;
    }

    /// <summary>Says that nothing more will be sent (close_notify). Done also where there is nobody to say it to: before the handshake's end, and after a fault.</summary>
    public TlsStatus Shutdown()
    {
        if (_broken || _handshaking is not null) return TlsStatus.Done;
        Begin(reading: false);
        var result = Libssl.Shutdown(_ssl);
        return result >= 0 ? TlsStatus.Done : Ended(result);
    }

    /// <summary>The connection's input ended. Closed: after close_notify, as it should. Failed: what was read may be cut short, whoever did that; writing still works.</summary>
    public TlsStatus EndInput()
    {
        if (_readEnd == TlsStatus.Done)
        {
            _readEnd = TlsStatus.Failed;
            LastFault = TlsFault.Truncation;
            if (_handshaking is not null) Break(TlsFault.Truncation);
        }

        return _readEnd;
    }

    /// <summary>Frees it at once. Bytes in <see cref="TlsBuffers.Outgoing"/> stay, and may still be sent.</summary>
    public void Dispose()
    {
        if (_ssl != 0)
        {
            var turn = _buffers.Turn;
            if (turn->Reader == _ssl) turn->IncomingStart = turn->IncomingEnd = 0;
            if (turn->Writer == _ssl) turn->Writer = 0;

            // Else OpenSSL takes a connection that was closed without close_notify for a reason never to resume its session.
            if (_peer is not null && Established) Libssl.SetShutdown(_ssl, Libssl.ShutdownSentAndReceived);
            Libssl.Free(_ssl);
            _ssl = 0;
        }

        _broken = true;
        _readEnd = TlsStatus.Failed;
        Leave();
    }

    private void SetPeer(TlsPeer peer)
    {
        fixed (byte* name = peer.Name)
        {
            if (name is not null && !peer.IsAddress) _ = Libssl.Control(_ssl, Libssl.ControlServerName, 0, name);
            if (peer.ChecksName && peer.IsAddress) OpenSslLibrary.Require(Libcrypto.SetVerifyAddress(Libssl.VerifyParameters(_ssl), name) == 1, "setting the address to check");
            if (peer.ChecksName && !peer.IsAddress)
            {
                Libssl.SetHostFlags(_ssl, Libcrypto.HostNoPartialWildcards);
                OpenSslLibrary.Require(Libssl.SetHost(_ssl, name) == 1, "setting the name to check");
            }
        }

        peer.Resume(_ssl);
    }

    /// <summary>A server may renew the ticket while it resumes; before TLS 1.3 OpenSSL tells nobody.</summary>
    private void KeepRenewed(TlsPeer peer)
    {
        if (!Resumed || Version != TlsProtocol.Tls12) return;
        var session = Libssl.Session(_ssl);
        if (session != 0 && !peer.Keep(session)) Libssl.FreeSession(session);
    }

    /// <summary>Makes the turn this session's. Bytes of another connection in it would be sent to the wrong peer: that is a bug of the loop.</summary>
    private TlsTurn* Begin(bool reading)
    {
        var turn = _buffers.Turn;
        ObjectDisposedException.ThrowIf(_ssl == 0, this);
        if (turn->OutgoingEnd > turn->OutgoingStart && turn->Writer != _ssl) throw new InvalidOperationException("ciphertext of another connection waits to be sent");
        if (reading)
        {
            if (turn->Unread > 0 && turn->Reader != 0 && turn->Reader != _ssl) throw new InvalidOperationException("ciphertext of another connection waits to be read");
            turn->Reader = _ssl;
        }

        turn->Writer = _ssl;
        _buffers.Context = _data;
        _buffers.Peer = _peer;
        Libcrypto.ClearErrors();
        return turn;
    }

    private TlsStatus Ended(int result)
    {
        switch (Libssl.GetError(_ssl, result))
        {
            case Libssl.ErrorWantRead:
                return TlsStatus.WantInput;
            case Libssl.ErrorWantWrite:
                return TlsStatus.WantOutput;
            case Libssl.ErrorZeroReturn:
                return _readEnd = TlsStatus.Closed;
            default:
                return Break(TlsFault.Take(_ssl));
        }
    }

    private TlsStatus Break(TlsFault fault)
    {
        var turn = _buffers.Turn;
        if (turn->Reader == _ssl) turn->IncomingStart = turn->IncomingEnd = 0;
        LastFault = fault;
        _broken = true;
        Leave();
        return _readEnd = TlsStatus.Failed;
    }

    private void Leave()
    {
        _handshaking?.Leave();
        _handshaking = null;
    }
}

using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>A server's session against a client's, with bytes that wait in memory between them. Both ends live on this thread, each with buffers of its own.</summary>
internal sealed class TlsPair : IDisposable
{
    public TlsPair(TlsContext server, TlsPeer peer, int outgoing = 128 * 1024)
    {
        Server = new TlsEnd(new TlsBuffers(64 * 1024, outgoing, checkRoom: false), b => TlsSession.Accept(server, b)!);
        Client = new TlsEnd(new TlsBuffers(64 * 1024, outgoing, checkRoom: false), b => TlsSession.Connect(peer, b)!);
    }

    public TlsEnd Server { get; }

    public TlsEnd Client { get; }

    /// <summary>Moves bytes, at most so many in one turn, until both ends are through or one is broken.</summary>
    public bool Handshake(int atATime = int.MaxValue)
    {
        var turns = 0;
        while (!(Server.Session.Established && Client.Session.Established))
        {
            Assert.True(turns++ < 100_000, "the handshake does not end");
            Client.Turn(atATime, static s => s.Handshake());
            Move(Client, Server);
            Server.Turn(atATime, static s => s.Handshake());
            Move(Server, Client);
            if (Client.Last == TlsStatus.Failed || Server.Last == TlsStatus.Failed)
            {
                // The other hears the alert.
                Client.Turn(int.MaxValue, static s => s.Handshake());
                Server.Turn(int.MaxValue, static s => s.Handshake());
                return false;
            }
        }

        return true;
    }

    /// <summary>Both directions, until nothing moves: tickets, alerts and what was written.</summary>
    public void Settle(int atATime = int.MaxValue)
    {
        do
        {
            Move(Client, Server);
            Move(Server, Client);
            Client.ReadTurn(atATime);
            Server.ReadTurn(atATime);
        }
        while (Client.Sends || Server.Sends || Client.Waits || Server.Waits);
    }

    public static void Move(TlsEnd from, TlsEnd to)
    {
        to.Arrived(from.Buffers.Outgoing);
        from.Buffers.Sent(from.Buffers.Outgoing.Length);
    }

    public void Dispose()
    {
        Server.Dispose();
        Client.Dispose();
    }
}

/// <summary>One end, with what came for it and was not looked at.</summary>
internal sealed class TlsEnd(TlsBuffers buffers, Func<TlsBuffers, TlsSession> create) : IDisposable
{
    private readonly Queue<byte> _inbox = new();
    private readonly List<byte> _plain = [];
    private readonly byte[] _room = new byte[80 * 1024];

    public TlsBuffers Buffers { get; } = buffers;

    public TlsSession Session { get; } = create(buffers);

    public TlsStatus Last { get; private set; }

    public bool Sends => Buffers.Outgoing.Length > 0;

    public bool Waits => _inbox.Count > 0;

    /// <summary>All that was read.</summary>
    public byte[] Plain => [.. _plain];

    public void Arrived(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) _inbox.Enqueue(b);
    }

    /// <summary>One turn of a loop: so many bytes come in, then the session runs.</summary>
    public TlsStatus Turn(int atATime, Func<TlsSession, TlsStatus> act)
    {
        Receive(atATime);
        return Last = act(Session);
    }

    /// <summary>A turn that reads.</summary>
    public TlsStatus ReadTurn(int atATime = int.MaxValue)
    {
        Receive(atATime);
        Last = Session.Read(_room, out var count);
        _plain.AddRange(_room.AsSpan(0, count));
        return Last;
    }

    public void Dispose()
    {
        Session.Dispose();
        Buffers.Dispose();
    }

    private void Receive(int atATime)
    {
        var room = Buffers.Incoming;
        var count = Math.Min(Math.Min(atATime, room.Length), _inbox.Count);
        for (var i = 0; i < count; i++) room[i] = _inbox.Dequeue();
        Buffers.Received(count);
    }
}

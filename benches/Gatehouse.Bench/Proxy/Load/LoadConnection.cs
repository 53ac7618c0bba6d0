using System.Net;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>What became of a connection's turn.</summary>
internal enum Turn
{
    /// <summary>It waits for the proxy.</summary>
    Waits,

    /// <summary>The answer is complete.</summary>
    Answered,

    /// <summary>It ended, or the answer is not 200.</summary>
    Failed,
}

/// <summary>A client's connection that asks one thing at a time.</summary>
internal sealed class LoadConnection(int port)
{
    /// <summary>In a fault: nobody listens (ECONNREFUSED).</summary>
    public const string Refused = "errno 111";

    private readonly SocketEndPoint _target = new(new IPEndPoint(IPAddress.Loopback, port));
    private byte[]? _head;
    private ReadOnlyMemory<byte> _question;
    private BodyReader _body;
    private bool _inBody;

    public int Fd { get; private set; } = -1;

    /// <summary>TLS over the socket; null for none.</summary>
    public TlsClient? Tls { get; init; }

    /// <summary>When what it asks was due, by <see cref="Machine.Now"/>.</summary>
    public long Due { get; set; }

    /// <summary>Whether it waits for room to write.</summary>
    public bool WantsToWrite { get; private set; }

    /// <summary>Whether a part of the question is not written yet.</summary>
    public bool HasMoreToWrite => _question.Length > 0;

    /// <summary>Whether something is asked and not answered.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Why it failed.</summary>
    public string Fault { get; private set; } = "";

    /// <summary>Begins to connect.</summary>
    public void Open()
    {
        Fd = SocketCalls.OpenStream(_target);
        if (Fd < 0) throw new InvalidOperationException($"no socket for the load: errno {-Fd}");
        SocketCalls.SendAtOnce(Fd);
        var outcome = SocketCalls.Connect(Fd, _target);
        if (outcome is < 0 and not SocketCalls.EInProgress) Fault = $"connect: errno {-outcome}";
        Tls?.Begin(Fd);
    }

    /// <param name="epoll">Where it is watched: a process that is being started holds a copy of its descriptor for a moment, for which events would be told on.</param>
    public void Close(Epoll epoll)
    {
        if (Fd < 0) return;
        _ = epoll.Remove(Fd);
        Tls?.End();
        SocketCalls.Close(Fd);
        Fd = -1;
        IsBusy = WantsToWrite = false;
        _question = default;
        _head = null;
    }

    /// <summary>Forgets a fault, for another try.</summary>
    public void Forgive() => Fault = "";

    /// <summary>Asks; what the socket does not take goes later.</summary>
    public Turn Ask(ReadOnlyMemory<byte> question)
    {
        (_question, _inBody, IsBusy) = (question, false, true);
        return Write();
    }

    /// <summary>Writes what is left of the question.</summary>
    public Turn Write()
    {
        if (Fault.Length > 0) return Turn.Failed;
        while (_question.Length > 0)
        {
            var sent = Tls is null ? SocketCalls.Send(Fd, _question.Span) : Tls.Write(_question.Span);
            WantsToWrite = sent == SocketCalls.EAgain && Tls?.WantsToWrite != false; // A handshake waits for the peer.
            if (sent == SocketCalls.EAgain) return Turn.Waits;
            if (sent <= 0) return Fail($"send: errno {-sent}");
            _question = _question[sent..];
        }

        return Turn.Waits;
    }

    /// <summary>Reads what there is.</summary>
    /// <param name="buffer">Shared by all connections of a loop.</param>
    public Turn Read(Span<byte> buffer)
    {
        while (true)
        {
            var read = Tls is null ? SocketCalls.Receive(Fd, buffer) : Tls.Read(buffer);
            if (read is SocketCalls.EAgain or SocketCalls.EInterrupted) return Turn.Waits;
            if (read <= 0) return Fail(read == 0 ? "closed" : $"recv: errno {-read}");
            if (!IsBusy) return Fail("an answer that nobody asked for");
            var turn = Take(buffer[..read]);
            // A plain socket that gave less than the buffer holds has no more; TLS gives one record at a time.
            if (turn != Turn.Waits || (Tls is null && read < buffer.Length)) return turn;
        }
    }

    private Turn Take(ReadOnlySpan<byte> bytes)
    {
        if (!_inBody)
        {
            if (_head is { } begun) bytes = _head = [.. begun, .. bytes];
            var end = bytes.IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                _head ??= bytes.ToArray();
                return Turn.Waits;
            }

            if (!bytes.StartsWith("HTTP/1.1 200 "u8)) return Fail(System.Text.Encoding.ASCII.GetString(bytes[..bytes.IndexOf((byte)'\r')]));
            _body = BodyReader.For(bytes[..(end + 4)]);
            (_head, _inBody) = (null, true);
            bytes = bytes[(end + 4)..];
        }

        var taken = _body.Take(bytes);
        if (!_body.IsComplete) return Turn.Waits;
        if (taken != bytes.Length) return Fail("more than the answer");
        IsBusy = false;
        return Turn.Answered;
    }

    private Turn Fail(string why)
    {
        Fault = why;
        return Turn.Failed;
    }
}

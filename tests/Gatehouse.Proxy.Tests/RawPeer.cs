using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests;

/// <summary>A connection of which a test sends and sees every byte. Text is Latin-1, so that any byte can be written in it.</summary>
internal sealed class RawPeer(Socket socket) : IDisposable
{
    private readonly MemoryStream _received = new();
    private int _read;
    private bool _closed;

    public Socket Socket => socket;

    public void Send(string text) => socket.Send(Encoding.Latin1.GetBytes(text));

    /// <summary>Sends one byte after the other, each in a packet of its own, until the peer takes no more.</summary>
    public void SendByBytes(string text)
    {
        try
        {
            foreach (var b in Encoding.Latin1.GetBytes(text)) socket.Send([b]);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown || e.ErrorCode == 32)
        {
            // It has seen enough; what it answered is there to be read.
        }
    }

    /// <summary>Sends whole, or byte by byte.</summary>
    public void Send(string text, bool byBytes)
    {
        if (byBytes) SendByBytes(text);
        else Send(text);
    }

    public void EndSend() => socket.Shutdown(SocketShutdown.Send);

    /// <summary>What comes until the text stands at its end, with it.</summary>
    public string ReadUntil(string end)
    {
        while (true)
        {
            var text = Encoding.Latin1.GetString(_received.GetBuffer(), _read, (int)_received.Length - _read);
            var at = text.IndexOf(end, StringComparison.Ordinal);
            if (at >= 0)
            {
                _read += at + end.Length;
                return text[..(at + end.Length)];
            }

            if (!Receive()) throw new InvalidOperationException($"the stream ended before {end.Replace("\r\n", "\\r\\n")}; it was: {text}");
        }
    }

    public string ReadHead() => ReadUntil("\r\n\r\n");

    public string Read(int count)
    {
        while (_received.Length - _read < count)
        {
            if (!Receive()) throw new InvalidOperationException($"the stream ended after {_received.Length - _read} of {count} bytes: {Encoding.Latin1.GetString(_received.GetBuffer(), _read, (int)_received.Length - _read)}");
        }

        _read += count;
        return Encoding.Latin1.GetString(_received.GetBuffer(), _read - count, count);
    }

    /// <summary>All that comes until the peer ends. A reset is <c>&lt;reset&gt;</c> at the end.</summary>
    public string ReadToEnd()
    {
        var reset = "";
        try
        {
            while (Receive())
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            reset = "<reset>";
        }

        var text = Encoding.Latin1.GetString(_received.GetBuffer(), _read, (int)_received.Length - _read);
        _read = (int)_received.Length;
        return text + reset;
    }

    /// <summary>Reads as many bytes as are expected and compares them.</summary>
    public void Expect(string expected) => Assert.Equal(expected, Read(expected.Length));

    /// <summary>Reads all that comes and compares it.</summary>
    public void ExpectToEnd(string expected) => Assert.Equal(expected, ReadToEnd());

    /// <summary>The peer ends the connection, by a reset if it had bytes left to read.</summary>
    public void ExpectEnd() => Assert.Contains(ReadToEnd(), (string[])["", "<reset>"]);

    /// <summary>Ends the connection so that the peer sees a reset.</summary>
    public void Reset()
    {
        if (_closed) return;
        _closed = true;
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Dispose();
    }

    public void Dispose()
    {
        _closed = true;
        socket.Dispose();
    }

    private bool Receive()
    {
        var buffer = new byte[65_536];
        socket.ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds;
        var count = socket.Receive(buffer);
        _received.Write(buffer, 0, count);
        return count > 0;
    }
}

/// <summary>An upstream that a test plays by hand.</summary>
internal sealed class RawServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public RawServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(128);
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>The next connection.</summary>
    public RawPeer Accept()
    {
        if (!_listener.Poll(Patience.Limit, SelectMode.SelectRead)) throw new TimeoutException("nobody connected");
        var socket = _listener.Accept();
        socket.NoDelay = true;
        return new RawPeer(socket);
    }

    /// <summary>Nobody waits to be accepted.</summary>
    public bool IsQuiet => !_listener.Poll(0, SelectMode.SelectRead);

    public void Dispose() => _listener.Dispose();
}

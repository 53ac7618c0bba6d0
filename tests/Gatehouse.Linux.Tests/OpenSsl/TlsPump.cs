using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Drives one session over a real connection, a turn for each receive, as a loop does.</summary>
internal sealed class TlsPump(Socket socket, TlsBuffers buffers, TlsSession session) : IDisposable
{
    private readonly byte[] _plain = new byte[80 * 1024];

    public TlsSession Session { get; } = session;

    public TlsStatus End { get; private set; }

    public long Read { get; private set; }

    /// <summary>Accepts one connection and gives back all that it sends, until it ends.</summary>
    public static Task<TlsPump> EchoAsync(Socket listener, TlsContext context) => Task.Factory.StartNew(
        () =>
        {
            var socket = listener.Accept();
            var buffers = new TlsBuffers();
            var pump = new TlsPump(socket, buffers, TlsSession.Accept(context, buffers)!);
            pump.Run(pump.Write);
            return pump;
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Connects, sends, and takes until so many bytes are there.</summary>
    public static Task<TlsPump> AskAsync(EndPoint server, TlsPeer peer, byte[] question, int answer, Action<ReadOnlyMemory<byte>> taken) => Task.Factory.StartNew(
        () =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(server);
            var buffers = new TlsBuffers();
            var pump = new TlsPump(socket, buffers, TlsSession.Connect(peer, buffers)!);
            var asked = false;
            pump.Run(
                plain =>
                {
                    taken(plain.ToArray());
                    if (pump.Read < answer) return;
                    pump.Session.Shutdown();
                    pump.Flush();
                    socket.Shutdown(SocketShutdown.Send);
                },
                () =>
                {
                    if (asked || !pump.Session.Established) return;
                    asked = true;
                    pump.Write(question);
                });
            return pump;
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Write(ReadOnlySpan<byte> plain)
    {
        while (Session.Write(plain, out var count) == TlsStatus.WantOutput)
        {
            plain = plain[count..];
            Flush();
        }

        Flush();
    }

    public void Dispose()
    {
        Session.Dispose();
        buffers.Dispose();
        socket.Dispose();
    }

    private delegate void Taker(ReadOnlySpan<byte> plain);

    private void Run(Taker take, Action? established = null)
    {
        for (var received = 0; ; received = socket.Receive(buffers.Incoming))
        {
            buffers.Received(received);
            End = Session.Read(_plain, out var count);
            Read += count;
            Flush();
            if (count > 0) take(_plain.AsSpan(0, count));
            established?.Invoke();
            if (End is TlsStatus.Failed) break;
            if (End is TlsStatus.Closed)
            {
                Session.Shutdown();
                Flush();
                break;
            }

            if (received == 0 && Ended()) break;
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>The first turn of all has received nothing either.</summary>
    private bool Ended()
    {
        if (!socket.Poll(-1, SelectMode.SelectRead) || socket.Available > 0) return false;
        End = Session.EndInput();
        return true;
    }

    private void Flush()
    {
        try
        {
            while (buffers.Outgoing.Length > 0) buffers.Sent(socket.Send(buffers.Outgoing));
        }
        catch (SocketException)
        {
            // The peer is gone: the next receive tells.
            buffers.Sent(buffers.Outgoing.Length);
        }
    }
}

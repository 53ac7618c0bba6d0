using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access.Metrics;
using Gatehouse.Proxy.Http1;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Access.Admin;

/// <summary>Answers a request by one of the exchange's methods.</summary>
internal delegate void AdminAnswer(AdminExchange exchange, ReadOnlySpan<byte> path);

/// <summary>One request of a client and its answer, over a socket that blocks for a bounded time.</summary>
internal sealed class AdminExchange(int client, TimeProvider time, TimeSpan longest)
{
    private readonly byte[] _request = new byte[8_192];
    private readonly long _began = time.GetTimestamp();
    private bool _isHead;
    private bool _isHttp10;

    /// <summary>Reads the request and has it answered. A client that sends none in time gets nothing.</summary>
    public void Run(in HeadLimits limits, TimeSpan patience, AdminAnswer answer)
    {
        var head = new RequestHead();
        var scan = default(HeadScan);
        for (var length = 0; ;)
        {
            var count = length < _request.Length ? SocketCalls.Receive(client, _request.AsSpan(length)) : 0;
            if (count <= 0 || time.GetElapsedTime(_began) > patience) return;
            length += count;
            var status = head.Read(_request.AsSpan(0, length), ref scan, limits);
            if (status == HeadStatus.Incomplete) continue;
            if (status == HeadStatus.Complete) Take(head, answer);
            else Text(head.Fault.Status(), Encoding.UTF8.GetBytes(head.Fault.Text() + "\n"));
            End();
            return;
        }
    }

    /// <summary>A short answer.</summary>
    public void Text(int status, ReadOnlySpan<byte> body)
    {
        Span<byte> answer = stackalloc byte[1_024];
        Send(answer[..LocalAnswers.Write(answer, status, "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n"u8, body, _isHead, close: true, keepAlive: false, Date())]);
    }

    /// <summary>An answer in parts, so that its end is told from a connection that broke.</summary>
    public void Stream(ReadOnlySpan<byte> type, Func<TextSink, bool> write)
    {
        Span<byte> answer = stackalloc byte[512];
        var head = new ByteWriter(answer);
        head.Write("HTTP/1.1 200 OK\r\nserver: gatehouse\r\ndate: "u8);
        head.Write(Date());
        head.Write("\r\ncontent-type: "u8);
        head.Write(type);
        head.Write("\r\ncache-control: no-store\r\n"u8);
        if (!_isHttp10) head.Write("transfer-encoding: chunked\r\n"u8);
        head.Write("connection: close\r\n\r\n"u8);
        if (!Send(answer[..head.Length]) || _isHead) return;
        if (write(_isHttp10 ? Send : SendChunk) && !_isHttp10) Send(ChunkWriter.End);
    }

    private ReadOnlySpan<byte> Date() => new HttpDate(time).Value;

    private void Take(RequestHead head, AdminAnswer answer)
    {
        _isHead = head.MethodKind == HttpMethodKind.Head;
        _isHttp10 = head.MinorVersion == 0;
        if (head.MethodKind is HttpMethodKind.Get or HttpMethodKind.Head) answer(this, head.Path.In(_request));
        else Text(404, "only GET and HEAD are answered here\n"u8);
    }

    private bool SendChunk(ReadOnlySpan<byte> part)
    {
        Span<byte> size = stackalloc byte[ChunkWriter.Headroom];
        var start = ChunkWriter.WriteSizeBefore(size, size.Length, part.Length);
        return Send(size[start..], more: true) && Send(part, more: true) && Send(ChunkWriter.LineEnd);
    }

    private bool Send(ReadOnlySpan<byte> bytes) => Send(bytes, more: false);

    private bool Send(ReadOnlySpan<byte> bytes, bool more)
    {
        while (bytes.Length > 0)
        {
            if (time.GetElapsedTime(_began) > longest) return false;
            var sent = SocketCalls.Send(client, bytes, more);
            if (sent == SocketCalls.EInterrupted) continue;
            if (sent <= 0) return false;
            bytes = bytes[sent..];
        }

        return true;
    }

    /// <summary>Lets the client see the answer: a socket that is closed with bytes unread resets the connection.</summary>
    private void End()
    {
        _ = SocketCalls.ShutdownSend(client);
        while (time.GetElapsedTime(_began) < longest && SocketCalls.Receive(client, _request) > 0)
        {
        }
    }
}

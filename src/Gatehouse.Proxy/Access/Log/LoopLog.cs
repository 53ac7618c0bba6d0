using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>Writes the lines of one loop, on it, into its buffer.</summary>
internal sealed class LoopLog(Loop loop, AccessLogFormat format, LogBuffer buffer, LogClock clock, LogWriter writer) : IAccessLog
{
    private readonly bool _isJson = format == AccessLogFormat.Json;
    private bool _hasNews;
    private bool _hasHurried;

    /// <inheritdoc/>
    public void Write(in RequestRecord record)
    {
        var line = new LineWriter(buffer.Room());
        if (line.Rest.IsEmpty) return;
        var began = clock.Unix(record.BeganAt, loop.Now);
        if (_isJson) JsonLines.Write(ref line, record, clock, began);
        else HaproxyLines.Write(ref line, record, clock, began);
        End(line);
    }

    /// <inheritdoc/>
    public void Write(in SessionRecord record)
    {
        var line = new LineWriter(buffer.Room());
        if (line.Rest.IsEmpty) return;
        var began = clock.Unix(record.BeganAt, loop.Now);
        if (_isJson) JsonLines.Write(ref line, record, clock, began);
        else HaproxyLines.Write(ref line, record, clock, began);
        End(line);
    }

    /// <inheritdoc/>
    public void WriteRefused(in SocketEndPoint client, ReadOnlySpan<byte> listener, Termination termination, int reason, long now)
    {
        var line = new LineWriter(buffer.Room());
        if (line.Rest.IsEmpty) return;
        var at = clock.Unix(now, loop.Now);
        if (_isJson) JsonLines.WriteRefused(ref line, client, listener, termination, reason, clock, at);
        else HaproxyLines.WriteRefused(ref line, client, listener, reason, clock, at);
        End(line);
    }

    /// <inheritdoc/>
    public void EndTurn(long now)
    {
        if (!_hasNews) return;
        _hasNews = false;
        if (!buffer.IsHalfFull) _hasHurried = false;
        else if (!_hasHurried)
        {
            _hasHurried = true;
            writer.Hurry();
        }

        buffer.EndTurn();
        writer.WakeIfAsleep();
    }

    private void End(in LineWriter line)
    {
        _hasNews = true;
        if (line.IsTooLong) buffer.Drop();
        else buffer.Add(line.Length);
    }
}

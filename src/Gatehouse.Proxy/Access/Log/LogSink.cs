using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Gatehouse.Linux;
using Gatehouse.Linux.Files;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>Where lines go. Belongs to the thread that writes them, which may wait in it.</summary>
internal abstract class LogSink : IDisposable
{
    /// <summary>What is wrong with it now; null when nothing is.</summary>
    public string? Problem { get; private protected set; }

    /// <summary>The sink of a setting: a file, <c>-</c>, or <c>udp://HOST:PORT</c>.</summary>
    public static LogSink Of(string path, TimeProvider time) => path switch
    {
        "-" => new FileSink(null, time),
        _ when path.StartsWith("udp://", StringComparison.Ordinal) => new SyslogSink(path, time),
        _ => new FileSink(path, time),
    };

    /// <summary>Writes whole lines. The number of lines that could not be written.</summary>
    public abstract long Write(ReadOnlySpan<byte> lines);

    /// <summary>Opens it anew: its file may have been moved away.</summary>
    public abstract void Reopen();

    /// <inheritdoc/>
    public abstract void Dispose();

    private protected static string Words(int outcome) => Marshal.GetPInvokeErrorMessage(-outcome);
}

/// <summary>A file that is appended to, or standard output.</summary>
/// <param name="path">Null is standard output.</param>
internal sealed class FileSink(string? path, TimeProvider time) : LogSink
{
    private const int StandardOutput = 1;
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);
    private readonly ManualResetEventSlim _pause = new();
    private int _fd = path is null ? StandardOutput : -1;
    private long _triedAt;
    private bool _hasTried;
    private bool _isMidLine;

    /// <inheritdoc/>
    public override long Write(ReadOnlySpan<byte> lines)
    {
        if (_fd < 0 && !TryOpen()) return lines.Count((byte)'\n');
        if (_isMidLine)
        {
            // What was cut off before must not run into what comes now.
            if (AppendFile.Write(_fd, "\n"u8) <= 0) return lines.Count((byte)'\n');
            _isMidLine = false;
        }

        while (lines.Length > 0)
        {
            var count = AppendFile.Write(_fd, lines);
            if (count == SocketCalls.EInterrupted) continue;
            if (count == SocketCalls.EAgain)
            {
                _ = _pause.Wait(10); // A pipe that somebody made non-blocking, and whose reader is slow.
                continue;
            }

            if (count <= 0)
            {
                Problem = $"{path ?? "standard output"}: {Words(count)}";
                return lines.Count((byte)'\n');
            }

            _isMidLine = lines[count - 1] != '\n';
            lines = lines[count..];
        }

        Problem = null;
        return 0;
    }

    /// <inheritdoc/>
    public override void Reopen()
    {
        if (path is null) return;
        var opened = AppendFile.Open(path);
        if (opened < 0)
        {
            Problem = $"{path}: {Words(opened)}" + (_fd >= 0 ? "; goes on in the file that is open" : "");
            return;
        }

        if (_fd >= 0) SocketCalls.Close(_fd);
        (_fd, _isMidLine, Problem) = (opened, false, null);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (path is not null && _fd >= 0) SocketCalls.Close(_fd);
        _fd = -1;
        _pause.Dispose();
    }

    private bool TryOpen()
    {
        if (_hasTried && time.GetElapsedTime(_triedAt) < RetryPause) return false;
        (_hasTried, _triedAt) = (true, time.GetTimestamp());
        Reopen();
        return _fd >= 0;
    }
}

/// <summary>A syslog server, which gets one datagram for each line with the header that HAProxy writes (RFC 3164; facility local0, severity info).</summary>
internal sealed class SyslogSink(string address, TimeProvider time) : LogSink
{
    private const int HeaderRoom = 80;
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);
    private readonly byte[] _packet = new byte[HeaderRoom + LogBuffer.LongestLine];
    private readonly byte[] _name = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $" gatehouse[{Environment.ProcessId}]: "));
    private int _fd = -1;
    private long _triedAt;
    private bool _hasTried;
    private long _second = -1;
    private int _headerLength;

    /// <inheritdoc/>
    public override long Write(ReadOnlySpan<byte> lines)
    {
        if (_fd < 0 && !TryOpen()) return lines.Count((byte)'\n');
        WriteHeader();
        var lost = 0L;
        while (lines.Length > 0)
        {
            var end = lines.IndexOf((byte)'\n');
            if (!TrySend(lines[..end])) lost++;
            lines = lines[(end + 1)..];
        }

        return lost;
    }

    /// <inheritdoc/>
    public override void Reopen()
    {
        _hasTried = false;
        if (TryOpen()) Problem = null;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_fd >= 0) SocketCalls.Close(_fd);
        _fd = -1;
    }

    private bool TrySend(ReadOnlySpan<byte> line)
    {
        line.CopyTo(_packet.AsSpan(_headerLength));
        var packet = _packet.AsSpan(0, _headerLength + line.Length);

        // That nobody took an earlier one is told to the next, which has nothing to do with it.
        var sent = SocketCalls.Send(_fd, packet);
        if (sent == -(int)Errno.ECONNREFUSED) sent = SocketCalls.Send(_fd, packet);
        Problem = sent < 0 ? $"{address}: {Words(sent)}" : null;
        return sent >= 0;
    }

    private void WriteHeader()
    {
        var now = time.GetLocalNow();
        if (now.ToUnixTimeSeconds() == _second) return;
        _second = now.ToUnixTimeSeconds();
        "<134>"u8.CopyTo(_packet);
        _ = now.TryFormat(_packet.AsSpan(5), out var written, "MMM dd HH:mm:ss", CultureInfo.InvariantCulture);
        if (_packet[9] == '0') _packet[9] = (byte)' '; // The day has a blank before it, not a zero.
        _name.CopyTo(_packet.AsSpan(5 + written));
        _headerLength = 5 + written + _name.Length;
    }

    private bool TryOpen()
    {
        if (_hasTried && time.GetElapsedTime(_triedAt) < RetryPause) return false;
        (_hasTried, _triedAt) = (true, time.GetTimestamp());
        try
        {
            var where = new Uri(address);
            var found = IPAddress.TryParse(where.Host.Trim('[', ']'), out var literal) ? literal : Dns.GetHostAddresses(where.Host)[0];
            var to = new SocketEndPoint(found, where.Port);
            var fd = SocketCalls.OpenDatagram(to);
            var outcome = fd < 0 ? fd : SocketCalls.Connect(fd, to);
            if (outcome >= 0)
            {
                if (_fd >= 0) SocketCalls.Close(_fd);
                _fd = fd;
                return true;
            }

            if (fd >= 0) SocketCalls.Close(fd);
            Problem = $"{address}: {Words(outcome)}";
        }
        catch (Exception e) when (e is SocketException or UriFormatException)
        {
            Problem = $"{address}: {e.Message}";
        }

        return false;
    }
}

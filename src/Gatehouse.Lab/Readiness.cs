using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Lab;

/// <summary>
/// The receiving end of a service's notifications, as systemd has them (sd_notify(3)): a datagram <c>READY=1</c> says that the role serves.
/// </summary>
internal sealed class Readiness : IDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(250);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string _path;

    public Readiness(string path)
    {
        _path = path;
        File.Delete(path);
        _socket.Bind(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>Waits for readiness.</summary>
    /// <param name="ended">Whether the process that should send it is gone.</param>
    public async Task<ReadinessOutcome> WaitAsync(Func<bool> ended, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        var buffer = new byte[4096];
        while (time.GetElapsedTime(start) < patience)
        {
            using var timer = new CancellationTokenSource(Round, time);
            using var round = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
            try
            {
                var length = await _socket.ReceiveAsync(buffer, SocketFlags.None, round.Token);
                if (Encoding.UTF8.GetString(buffer, 0, length).Split('\n').Contains("READY=1")) return ReadinessOutcome.Ready;
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                if (ended()) return ReadinessOutcome.Ended;
            }
        }

        return ReadinessOutcome.OutOfTime;
    }

    public void Dispose()
    {
        _socket.Dispose();
        File.Delete(_path);
    }
}

/// <summary>How the wait for a role ended.</summary>
internal enum ReadinessOutcome
{
    Ready,

    /// <summary>The process ended.</summary>
    Ended,

    /// <summary>It runs and did not say that it is ready.</summary>
    OutOfTime,
}

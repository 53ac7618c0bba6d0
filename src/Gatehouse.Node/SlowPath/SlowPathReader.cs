using System.Diagnostics;
using System.Net;
using Gatehouse.Linux;
using Gatehouse.Linux.Tun;
using Gatehouse.Node.Interests;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Translation;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.SlowPath;

/// <summary>
/// The first packets to addresses that the kernel does not know. The kernel hands over a copy; the address is resolved once, however many packets wait, the elements
/// are installed, and the packets are put back as if they had just come. So user space sees one packet for each service and not every packet.
/// </summary>
internal sealed class SlowPathReader(TunDevice tun, InterestBook interests, DataPath path, NodeOptions options, NodeMetrics metrics, ILogger log)
{
    private const int LargestPacket = 65_536;
    private readonly SlowPathQueue _queue = new(options.Limits.WaitingDestinations, options.Limits.WaitingPackets);

    /// <summary>Destinations that wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Reads until cancelled.</summary>
    /// <exception cref="LinuxException">The device was deleted under us.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var buffer = new byte[LargestPacket];
        while (true)
        {
            var length = await tun.ReadAsync(buffer, cancellation);
            Take(buffer.AsSpan(0, length), cancellation);
        }
    }

    /// <summary>The destination, when the packet is one to a service or instance address; anything else, such as MLD, is not for us.</summary>
    internal static IPAddress? DestinationOf(ReadOnlySpan<byte> packet)
    {
        var address = packet switch
        {
            [var first, ..] when first >> 4 == 4 && packet.Length >= 20 => new IPAddress(packet[16..20]),
            [var first, ..] when first >> 4 == 6 && packet.Length >= 40 => new IPAddress(packet[24..40]),
            _ => null,
        };
        return address is not null && (OverlayAddresses.Services4.Contains(address) || OverlayAddresses.Services6.Contains(address)) ? address : null;
    }

    private void Take(ReadOnlySpan<byte> packet, CancellationToken cancellation)
    {
        if (DestinationOf(packet) is not { } destination)
        {
            metrics.SlowPackets("ignored");
            return;
        }

        switch (_queue.Offer(destination, packet))
        {
            case QueueOutcome.Full:
                metrics.SlowPackets("full");
                break;
            case QueueOutcome.First:
                metrics.SlowPackets("queued");
                _ = ResolveAsync(destination, cancellation);
                break;
            default:
                metrics.SlowPackets("queued");
                break;
        }
    }

    /// <summary>Never throws: a fault is logged, the packets are dropped and their senders try again.</summary>
    private async Task ResolveAsync(IPAddress destination, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var outcome = ResolveOutcome.Unanswered;
        try
        {
            outcome = await interests.ResolveAsync(destination, cancellation);
            if (outcome is ResolveOutcome.Unknown or ResolveOutcome.Absent) await path.RefuseAsync(destination, options.Limits.Refusal);
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception fault)
        {
            log.SlowPathFault(destination.ToString(), fault);
        }

        var packets = _queue.Take(destination);
        if (outcome == ResolveOutcome.Unanswered) metrics.SlowPackets("unanswered", packets.Count);
        else PutBack(packets, outcome == ResolveOutcome.Installed ? "returned" : outcome == ResolveOutcome.Absent ? "absent" : "unknown");
        metrics.Resolved(outcome.ToString(), Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Also for unknown addresses: the kernel refuses the packet now, and its sender hears so at once.</summary>
    private void PutBack(IReadOnlyList<byte[]> packets, string fate)
    {
        foreach (var packet in packets)
        {
            var written = tun.Write(packet);
            metrics.SlowPackets(written < 0 ? "full" : fate);
        }
    }
}

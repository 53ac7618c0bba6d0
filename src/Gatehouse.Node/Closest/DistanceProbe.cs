using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux;

namespace Gatehouse.Node.Closest;

/// <summary>
/// Measures the round trip to other workers' bridges through the tunnel, with ICMP echo that their kernels answer: the very path that packets to their instances take, no
/// further port, and nobody else can answer, since the tunnel admits each peer's own addresses alone.
/// </summary>
internal sealed class DistanceProbe : IDisposable
{
    private const byte EchoRequest = 8;
    private const byte EchoReply = 0;
    private const int HeaderBytes = 8;
    private const int PayloadBytes = 56;
    private readonly Socket _socket;
    private readonly ushort _identifier;
    private ushort _sequence;

    private DistanceProbe(Socket socket, ushort identifier)
    {
        _socket = socket;
        _identifier = identifier;
    }

    /// <param name="source">This worker's bridge: the address that others can answer.</param>
    public static DistanceProbe Open(NetworkNamespace? ns, IPAddress source, Random random)
    {
        Socket Make()
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp);
            socket.Bind(new IPEndPoint(source, 0));
            return socket;
        }

        return new(ns is null ? Make() : ns.Run(Make), (ushort)random.Next(1, ushort.MaxValue));
    }

    /// <summary>Asks all at once and collects answers until the patience ends.</summary>
    /// <returns>The round trip of each that answered.</returns>
    public async Task<IReadOnlyDictionary<IPAddress, TimeSpan>> MeasureAsync(
        IReadOnlyCollection<IPAddress> targets, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
    {
        var sequence = ++_sequence;
        var sent = new Dictionary<IPAddress, long>();
        var answers = new Dictionary<IPAddress, TimeSpan>();
        using var deadline = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        var receive = ReceiveAsync(sequence, sent, answers, targets.Count, either.Token);
        foreach (var target in targets)
        {
            lock (sent) sent[target] = Stopwatch.GetTimestamp();
            await TrySendAsync(target, sequence, cancellation);
        }

        await receive;
        return answers;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>An echo request (RFC 792 §"Echo or Echo Reply Message").</summary>
    internal static byte[] Request(ushort identifier, ushort sequence)
    {
        var packet = new byte[HeaderBytes + PayloadBytes];
        packet[0] = EchoRequest;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), identifier);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), sequence);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), Checksum(packet));
        return packet;
    }

    /// <summary>Identifier and sequence, when the packet (with its IP header, as raw sockets deliver it) is an echo reply.</summary>
    internal static (ushort Identifier, ushort Sequence)? Reply(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 20) return null;
        var header = (packet[0] & 15) * 4;
        if (packet.Length < header + HeaderBytes || packet[header] != EchoReply) return null;
        return (BinaryPrimitives.ReadUInt16BigEndian(packet[(header + 4)..]), BinaryPrimitives.ReadUInt16BigEndian(packet[(header + 6)..]));
    }

    /// <summary>RFC 1071.</summary>
    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (var i = 0; i + 1 < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }

    private async Task TrySendAsync(IPAddress target, ushort sequence, CancellationToken cancellation)
    {
        try
        {
            await _socket.SendToAsync(Request(_identifier, sequence), SocketFlags.None, new IPEndPoint(target, 0), cancellation);
        }
        catch (SocketException)
        {
            // No route to it now: that is a missing answer.
        }
    }

    private async Task ReceiveAsync(ushort sequence, Dictionary<IPAddress, long> sent, Dictionary<IPAddress, TimeSpan> answers, int wanted, CancellationToken cancellation)
    {
        var buffer = new byte[2_048];
        try
        {
            while (answers.Count < wanted)
            {
                var got = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), cancellation);
                var now = Stopwatch.GetTimestamp();
                if (Reply(buffer.AsSpan(0, got.ReceivedBytes)) is not { } reply || reply != (_identifier, sequence)) continue;
                var from = ((IPEndPoint)got.RemoteEndPoint).Address;
                lock (sent)
                {
                    if (sent.TryGetValue(from, out var then)) answers.TryAdd(from, Stopwatch.GetElapsedTime(then, now));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The patience ended; who did not answer has no entry.
        }
    }
}

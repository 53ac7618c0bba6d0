using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Netlink;

/// <summary>Takes one message of an answer: its type and what follows netlink's header.</summary>
internal delegate void NetlinkMessage(ushort type, ReadOnlySpan<byte> payload);

/// <summary>How the kernel answered one message.</summary>
/// <param name="Errno">Positive, 0 for success.</param>
/// <param name="Text">The extended acknowledgement's words, or null.</param>
/// <param name="Offset">Where in the message the offending attribute is, or 0.</param>
internal readonly record struct NetlinkStatus(int Errno, string? Text, int Offset)
{
    public bool Failed => Errno != 0;

    public void ThrowIfFailed(string act)
    {
        if (Failed)
        {
            throw new LinuxException(act, Errno, Text);
        }
    }
}

/// <summary>
/// A netlink socket: requests with acknowledgement, dumps in many parts, and batches whose failed messages are each reported.
/// The kernel handles a request while sendto runs, so answers are there when it returns; reading still has a time-out, so that
/// nothing waits for ever. Not safe for several threads: the owners lock.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    public const int Route = 0;
    public const int Netfilter = 12;

    private const ushort TypeNoop = 1;
    private const ushort TypeError = 2;
    private const ushort TypeDone = 3;
    private const ushort TypeOverrun = 4;
    private const int DumpAttempts = 16;
    private const int WaitSeconds = 10;
    private const int BufferWanted = 8 << 20;

    private readonly byte[] _receive = GC.AllocateUninitializedArray<byte>(256 << 10, pinned: true);
    private readonly string _name;
    private uint _sequence;

    private NetlinkSocket(SafeFileHandle handle, string name)
    {
        Handle = handle;
        _name = name;
    }

    public SafeFileHandle Handle { get; }

    public uint PortId { get; private set; }

    /// <summary>The most bytes of one <see cref="Send"/>.</summary>
    public int SendLimit { get; private set; }

    /// <summary>Whether this process may raise a socket's buffer over the system's limit: in the first user namespace with CAP_NET_ADMIN.</summary>
    public bool MayExceedLimits { get; private set; }

    /// <summary>Opens a socket inside the namespace (null: the caller's).</summary>
    public static NetlinkSocket Open(int protocol, NetworkNamespace? ns, bool nonBlocking = false)
        => ns is null ? OpenHere(protocol, nonBlocking) : ns.Run(() => OpenHere(protocol, nonBlocking));

    public void Dispose() => Handle.Dispose();

    public uint NextSequence() => ++_sequence;

    /// <summary>Joins a multicast group.</summary>
    public void Join(int group)
    {
        const int addMembership = 1;
        Check(SetOption(Libc.SolNetlink, addMembership, group), $"joining group {group} of {_name}");
    }

    /// <summary>Sends one message that asks for an acknowledgement, and reads its answer.</summary>
    public NetlinkStatus Request(NetlinkWriter writer, uint sequence, NetlinkMessage? onMessage = null)
    {
        Send(writer.Written);
        NetlinkStatus? status = null;
        while (status is null)
        {
            Read(sequence, sequence, wait: true, onMessage, (_, answer) => status = answer);
        }

        return status.Value;
    }

    /// <summary>Asks for a dump and reads it to its end; begins again when the kernel says that the table changed meanwhile.</summary>
    /// <exception cref="LinuxException">The kernel refuses, or the table did not hold still for one whole dump.</exception>
    public List<T> Dump<T>(string act, Action<NetlinkWriter, uint> write, Action<ushort, ReadOnlySpan<byte>, List<T>> read)
    {
        var writer = new NetlinkWriter();
        for (var attempt = 0; attempt < DumpAttempts; attempt++)
        {
            writer.Clear();
            var items = new List<T>();
            var sequence = NextSequence();
            write(writer, sequence);
            Send(writer.Written);
            NetlinkStatus? end = null;
            var interrupted = false;
            while (end is null)
            {
                interrupted |= Read(sequence, sequence, wait: true, (type, payload) => read(type, payload, items), (_, answer) => end = answer);
            }

            end.Value.ThrowIfFailed(act);
            if (!interrupted)
            {
                return items;
            }
        }

        throw new LinuxException(act, Errno.EAGAIN, $"the table changed during each of {DumpAttempts} readings");
    }

    /// <summary>Sends everything in one call.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        var kernel = new NetlinkAddress { Family = Libc.AfNetlink };
        fixed (byte* first = bytes)
        {
            while (true)
            {
                var sent = Libc.SendTo(Handle, first, (nuint)bytes.Length, 0, &kernel, (uint)sizeof(NetlinkAddress));
                if (sent == bytes.Length)
                {
                    return;
                }

                if (sent >= 0 || Libc.LastErrno != (int)Errno.EINTR)
                {
                    throw new LinuxException($"sending {bytes.Length} bytes to {_name}", sent >= 0 ? (int)Errno.EMSGSIZE : Libc.LastErrno);
                }
            }
        }
    }

    /// <summary>Reads every answer that is there to messages of these numbers, without waiting.</summary>
    public void Drain(uint firstSequence, uint lastSequence, Action<uint, NetlinkStatus> onStatus)
    {
        var outcome = 0;
        while (outcome >= 0)
        {
            outcome = ReadOnce(firstSequence, lastSequence, wait: false, null, onStatus);
        }

        if (outcome != -(int)Errno.EAGAIN)
        {
            throw Unread(outcome);
        }
    }

    /// <summary>Reads answers until the last number was acknowledged or refused.</summary>
    public void ReadUntil(uint firstSequence, uint lastSequence, Action<uint, NetlinkStatus> onStatus)
    {
        var ended = false;
        while (!ended)
        {
            Read(firstSequence, lastSequence, wait: true, null, (sequence, status) =>
            {
                ended |= sequence == lastSequence;
                onStatus(sequence, status);
            });
        }
    }

    /// <summary>One datagram of a multicast group, or -errno: EAGAIN nothing there, ENOBUFS some were lost.</summary>
    public int ReceiveEvents(NetlinkMessage onMessage) => ReadOnce(0, uint.MaxValue, wait: false, onMessage, static (_, _) => { });

    private static NetlinkSocket OpenHere(int protocol, bool nonBlocking)
    {
        var name = protocol == Route ? "rtnetlink" : "nfnetlink";
        var handle = Libc.Socket(Libc.AfNetlink, Libc.SockRaw | Libc.SockCloseOnExec | (nonBlocking ? Libc.OpenNonBlocking : 0), protocol);
        Check(handle.IsInvalid ? -1 : 0, "socket for " + name);
        var socket = new NetlinkSocket(handle, name);
        try
        {
            socket.Configure();
            return socket;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private void Configure()
    {
        const int capAck = 10;
        const int extAck = 11;
        var address = new NetlinkAddress { Family = Libc.AfNetlink };
        var length = (uint)sizeof(NetlinkAddress);
        Check(Libc.Bind(Handle, &address, length), "bind of " + _name);
        Check(Libc.GetSocketName(Handle, &address, &length), "getsockname of " + _name);
        PortId = address.PortId;
        Check(SetOption(Libc.SolNetlink, capAck, 1), "NETLINK_CAP_ACK of " + _name);
        Check(SetOption(Libc.SolNetlink, extAck, 1), "NETLINK_EXT_ACK of " + _name);

        // FORCE wants a capability of the first user namespace; elsewhere the system's limit holds and batches are cut smaller.
        MayExceedLimits = SetOption(Libc.SolSocket, Libc.SoSendBufferForce, BufferWanted) >= 0;
        if (!MayExceedLimits)
        {
            Check(SetOption(Libc.SolSocket, Libc.SoSendBuffer, BufferWanted), "SO_SNDBUF of " + _name);
        }

        if (SetOption(Libc.SolSocket, Libc.SoReceiveBufferForce, BufferWanted) < 0)
        {
            Check(SetOption(Libc.SolSocket, Libc.SoReceiveBuffer, BufferWanted), "SO_RCVBUF of " + _name);
        }

        int size;
        var sizeLength = (uint)sizeof(int);
        Check(Libc.GetSocketOption(Handle, Libc.SolSocket, Libc.SoSendBuffer, &size, &sizeLength), "SO_SNDBUF of " + _name);
        SendLimit = size - 4096; // The kernel keeps 32 bytes and rounds the rest up for its own bookkeeping.
        var wait = stackalloc nint[2];
        wait[0] = WaitSeconds;
        wait[1] = 0;
        Check(Libc.SetSocketOption(Handle, Libc.SolSocket, Libc.SoReceiveTimeout, wait, (uint)(2 * sizeof(nint))), "SO_RCVTIMEO of " + _name);
    }

    private int SetOption(int level, int name, int value) => Libc.SetSocketOption(Handle, level, name, &value, sizeof(int));

    private bool Read(uint first, uint last, bool wait, NetlinkMessage? onMessage, Action<uint, NetlinkStatus> onStatus)
    {
        var read = ReadOnce(first, last, wait, onMessage, onStatus);
        return read >= 0 ? read == 1 : throw Unread(read);
    }

    private LinuxException Unread(int outcome) => outcome switch
    {
        -(int)Errno.ENOBUFS => new LinuxException("reading from " + _name, Errno.ENOBUFS, "answers were lost; the outcome is unknown"),
        -(int)Errno.EAGAIN => new LinuxException("reading from " + _name, Errno.ETIMEDOUT, $"no answer in {WaitSeconds} s"),
        _ => new LinuxException("reading from " + _name, -outcome),
    };

    /// <summary>Reads one datagram. Returns 0, 1 if a dump was interrupted, or -errno.</summary>
    private int ReadOnce(uint first, uint last, bool wait, NetlinkMessage? onMessage, Action<uint, NetlinkStatus> onStatus)
    {
        NetlinkAddress from = default;
        var fromLength = (uint)sizeof(NetlinkAddress);
        nint count;
        fixed (byte* buffer = _receive)
        {
            do
            {
                var flags = Libc.MsgTruncated | (wait ? 0 : Libc.MsgDontWait);
                count = Libc.ReceiveFrom(Handle, buffer, (nuint)_receive.Length, flags, &from, &fromLength);
            }
            while (count < 0 && Libc.LastErrno == (int)Errno.EINTR);
        }

        if (count < 0)
        {
            return -Libc.LastErrno;
        }

        if (count > _receive.Length)
        {
            throw new LinuxException("reading from " + _name, Errno.EMSGSIZE, $"a datagram of {count} bytes; there is room for {_receive.Length}");
        }

        // Another process may write to this port too; only what the kernel (port 0) says counts.
        return from.PortId == 0 ? Parse(_receive.AsSpan(0, (int)count), first, last, onMessage, onStatus) : 0;
    }

    private static int Parse(ReadOnlySpan<byte> bytes, uint first, uint last, NetlinkMessage? onMessage, Action<uint, NetlinkStatus> onStatus)
    {
        var interrupted = 0;
        while (bytes.Length >= NetlinkWriter.HeaderSize)
        {
            var length = (int)MemoryMarshal.Read<uint>(bytes);
            if (length < NetlinkWriter.HeaderSize || length > bytes.Length)
            {
                break;
            }

            var type = MemoryMarshal.Read<ushort>(bytes[4..]);
            var flags = MemoryMarshal.Read<ushort>(bytes[6..]);
            var sequence = MemoryMarshal.Read<uint>(bytes[8..]);
            var payload = bytes[NetlinkWriter.HeaderSize..length];

            // Answers to an earlier request that was given up have other numbers.
            if (sequence - first <= last - first)
            {
                interrupted |= (flags & (ushort)NetlinkFlags.DumpInterrupted) != 0 ? 1 : 0;
                Dispatch(type, flags, sequence, payload, onMessage, onStatus);
            }

            bytes = bytes[Math.Min((length + 3) & ~3, bytes.Length)..];
        }

        return interrupted;
    }

    private static void Dispatch(
        ushort type, ushort flags, uint sequence, ReadOnlySpan<byte> payload, NetlinkMessage? onMessage, Action<uint, NetlinkStatus> onStatus)
    {
        switch (type)
        {
            case TypeNoop or TypeOverrun:
                break;
            case TypeError:
                onStatus(sequence, StatusOf(flags, payload, NetlinkWriter.HeaderSize));
                break;
            case TypeDone:
                onStatus(sequence, StatusOf(flags, payload, 0));
                break;
            default:
                onMessage?.Invoke(type, payload);
                break;
        }
    }

    /// <summary>The error number, then the header of the refused message, then attributes (NLM_F_ACK_TLVS).</summary>
    private static NetlinkStatus StatusOf(ushort flags, ReadOnlySpan<byte> payload, int echoed)
    {
        const ushort hasAttributes = 0x200;
        const int attributeText = 1;
        const int attributeOffset = 2;
        var errno = payload.Length >= 4 ? -payload.I32() : 0;
        string? text = null;
        var offset = 0;
        if ((flags & hasAttributes) != 0 && payload.Length >= 4 + echoed)
        {
            var attributes = new AttributeReader(payload[(4 + echoed)..]);
            while (attributes.Next())
            {
                if (attributes.Type == attributeText)
                {
                    text = attributes.Value.Text();
                }
                else if (attributes.Type == attributeOffset)
                {
                    offset = attributes.Value.I32();
                }
            }
        }

        return new NetlinkStatus(errno, text, offset);
    }

    private static void Check(int result, string act)
    {
        if (result < 0)
        {
            throw new LinuxException(act, Libc.LastErrno);
        }
    }
}

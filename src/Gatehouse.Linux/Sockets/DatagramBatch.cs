using System.Runtime.InteropServices;

namespace Gatehouse.Linux.Sockets;

/// <summary>
/// Datagrams that are received in one call and sent on in one (recvmmsg(2), sendmmsg(2)), with room for the largest that there can be, so that none is cut. Of one thread; it allocates
/// nothing after it was made. Calls return a count or the negative error number.
/// </summary>
public sealed unsafe class DatagramBatch : IDisposable
{
    /// <summary>Datagrams at once.</summary>
    public const int Capacity = 32;

    /// <summary>The longest of IPv4 has 65,507 bytes, of IPv6 without jumbograms 65,527.</summary>
    private const int Room = 65_536;

    private const int ControlRoom = 64;
    private const int ControlHeader = 16;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int IPv4 = 0;
    private const int IPv4Info = 8;
    private const int IPv6 = 41;
    private const int IPv6Info = 50;
    private const int IPv6ReceiveInfo = 49;
    private const int Info4Size = 12;
    private const int Info6Size = 20;

    private readonly byte* _payloads;
    private readonly byte* _controls;
    private readonly SocketEndPoint* _names;
    private readonly IoVector* _vectors;
    private readonly MultiMessage* _messages;
    private bool _disposed;

    public DatagramBatch()
    {
        _payloads = (byte*)NativeMemory.Alloc(Capacity * Room); // Pages that no datagram reaches are never there.
        _controls = (byte*)NativeMemory.AllocZeroed(Capacity * ControlRoom);
        _names = (SocketEndPoint*)NativeMemory.AllocZeroed((nuint)(Capacity * sizeof(SocketEndPoint)));
        _vectors = (IoVector*)NativeMemory.AllocZeroed((nuint)(Capacity * sizeof(IoVector)));
        _messages = (MultiMessage*)NativeMemory.AllocZeroed((nuint)(Capacity * sizeof(MultiMessage)));
        for (var i = 0; i < Capacity; i++)
        {
            _vectors[i].Start = _payloads + (i * Room);
            _messages[i].Header.Vectors = _vectors + i;
            _messages[i].Header.VectorCount = 1;
        }
    }

    /// <summary>Has a socket tell with each datagram which of the machine's addresses it went to (IP_PKTINFO, IPV6_RECVPKTINFO). 0, or the negative error number.</summary>
    public static int TellLocal(int fd, bool isV6)
    {
        var on = 1;
        return SocketLibrary.Outcome(SocketLibrary.SetOption(fd, isV6 ? IPv6 : IPv4, isV6 ? IPv6ReceiveInfo : IPv4Info, &on, sizeof(int)));
    }

    /// <summary>Receives what is there.</summary>
    /// <param name="fd">The socket.</param>
    /// <param name="withSource">Whether it is not connected: then it is of interest who sent them, and to which address.</param>
    public int Receive(int fd, bool withSource)
    {
        for (var i = 0; i < Capacity; i++)
        {
            _vectors[i].Length = Room;
            ref var header = ref _messages[i].Header;
            header.Name = withSource ? _names + i : null;
            header.NameLength = withSource ? SocketEndPoint.Size : 0u;
            header.Control = withSource ? _controls + (i * ControlRoom) : null;
            header.ControlLength = withSource ? (nuint)ControlRoom : 0;
            if (withSource) _names[i] = default;
        }

        return SocketLibrary.Outcome(SocketLibrary.ReceiveMessages(fd, _messages, Capacity, DontWait, null));
    }

    /// <summary>Bytes of a datagram that was received.</summary>
    public int Length(int index) => (int)_messages[index].Length;

    /// <summary>Who sent it.</summary>
    public ref readonly SocketEndPoint Source(int index) => ref _names[index];

    /// <summary>Where it went to, without a port, an IPv6 address with its interface as scope; not set where the socket does not tell.</summary>
    public SocketEndPoint Local(int index)
    {
        ref var header = ref _messages[index].Header;
        if (header.ControlLength < ControlHeader) return default;
        var control = header.Control;
        var (level, type) = (*(int*)(control + 8), *(int*)(control + 12));
        var info = control + ControlHeader;
        if (level == IPv4 && type == IPv4Info) return new SocketEndPoint(new ReadOnlySpan<byte>(info + 4, 4), 0); // ipi_spec_dst: what a reply is to come from.
        return level == IPv6 && type == IPv6Info ? new SocketEndPoint(new ReadOnlySpan<byte>(info, 16), 0, *(uint*)(info + 16)) : default;
    }

    /// <summary>Sends datagrams on over a connected socket. How many, at least one; or the error number of the first.</summary>
    public int Send(int fd, int first, int count)
    {
        for (var i = first; i < first + count; i++) Prepare(i, null, null, 0);
        return SocketLibrary.Outcome(SocketLibrary.SendMessages(fd, _messages + first, (uint)count, DontWait | NoSignal));
    }

    /// <summary>Sends datagrams on to somebody; outcomes as of <see cref="Send"/>.</summary>
    /// <param name="fd">A socket that is not connected.</param>
    /// <param name="first">The first of those that were received.</param>
    /// <param name="count">How many.</param>
    /// <param name="to">To whom.</param>
    /// <param name="local">From which of the machine's addresses, as <see cref="Local"/> has it; not set: the socket's.</param>
    public int SendTo(int fd, int first, int count, in SocketEndPoint to, in SocketEndPoint local)
    {
        var control = stackalloc byte[ControlRoom];
        var length = local.IsSet ? WriteLocal(control, local) : 0;
        fixed (SocketEndPoint* name = &to)
        {
            for (var i = first; i < first + count; i++) Prepare(i, name, control, length);
            return SocketLibrary.Outcome(SocketLibrary.SendMessages(fd, _messages + first, (uint)count, DontWait | NoSignal));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.Free(_payloads);
        NativeMemory.Free(_controls);
        NativeMemory.Free(_names);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_messages);
    }

    private void Prepare(int index, SocketEndPoint* name, byte* control, int controlLength)
    {
        _vectors[index].Length = _messages[index].Length;
        ref var header = ref _messages[index].Header;
        header.Name = name;
        header.NameLength = name is null ? 0 : name->Length;
        header.Control = controlLength > 0 ? control : null;
        header.ControlLength = (nuint)controlLength;
    }

    /// <summary>One struct cmsghdr with a struct in_pktinfo or in6_pktinfo. Its length with the room behind it.</summary>
    private static int WriteLocal(byte* control, in SocketEndPoint local)
    {
        new Span<byte>(control, ControlRoom).Clear();
        var size = local.IsV6 ? Info6Size : Info4Size;
        *(nuint*)control = (nuint)(ControlHeader + size);
        *(int*)(control + 8) = local.IsV6 ? IPv6 : IPv4;
        *(int*)(control + 12) = local.IsV6 ? IPv6Info : IPv4Info;
        var info = control + ControlHeader;
        local.Address.CopyTo(new Span<byte>(local.IsV6 ? info : info + 4, 16));
        if (local.IsV6) *(uint*)(info + 16) = local.Scope;
        return ControlHeader + ((size + 7) & ~7);
    }
}

/// <summary>struct mmsghdr. The length is what was received; what is sent is as long as the vector says.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MultiMessage
{
    public MessageHeader Header;
    public uint Length;
}

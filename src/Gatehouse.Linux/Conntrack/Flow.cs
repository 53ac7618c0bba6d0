using System.Net;

namespace Gatehouse.Linux.Conntrack;

/// <summary>What conntrack knows about a flow (IPS_…, linux/netfilter/nf_conntrack_common.h).</summary>
[Flags]
public enum FlowStatus
{
    None = 0,
    Expected = 1,

    /// <summary>Packets went both ways.</summary>
    SeenReply = 2,

    /// <summary>Never dropped early.</summary>
    Assured = 4,
    Confirmed = 8,
    SourceNat = 16,
    DestinationNat = 32,
    SequenceAdjust = 64,
    SourceNatDone = 128,
    DestinationNatDone = 256,
    Dying = 512,
    FixedTimeout = 1024,
}

/// <summary>TCP's state as conntrack sees it.</summary>
public enum TcpFlowState
{
    None = 0,
    SynSent = 1,
    SynReceived = 2,
    Established = 3,
    FinWait = 4,
    CloseWait = 5,
    LastAck = 6,
    TimeWait = 7,
    Close = 8,
    SynSent2 = 9,
}

/// <summary>One direction of a flow.</summary>
/// <param name="Source">Who sends.</param>
/// <param name="Destination">To whom.</param>
/// <param name="Protocol">6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6.</param>
/// <param name="SourcePort">For ICMP the identifier.</param>
/// <param name="DestinationPort">For ICMP type and code: type * 256 + code.</param>
public readonly record struct FlowTuple(IPAddress Source, IPAddress Destination, byte Protocol, ushort SourcePort, ushort DestinationPort)
{
    internal bool IsIcmp => Protocol is 1 or 58;

    public override string ToString()
        => IsIcmp
            ? $"{Source} -> {Destination} icmp {DestinationPort >> 8}/{DestinationPort & 0xFF} id {SourcePort}"
            : $"{new IPEndPoint(Source, SourcePort)} -> {new IPEndPoint(Destination, DestinationPort)} {(Protocol == 6 ? "tcp" : Protocol == 17 ? "udp" : Protocol)}";
}

/// <summary>A flow that conntrack follows.</summary>
/// <param name="Original">As the first packet came.</param>
/// <param name="Reply">As an answer comes: where translation happened, not the mirror of <paramref name="Original"/>.</param>
/// <param name="Mark">0 if none was set.</param>
/// <param name="Timeout">How long it still lives without a packet.</param>
public sealed record Flow(FlowTuple Original, FlowTuple Reply, FlowStatus Status, uint Mark, TimeSpan Timeout)
{
    /// <summary>Null for all but TCP.</summary>
    public TcpFlowState? Tcp { get; init; }

    public ushort Zone { get; init; }

    /// <summary>0 unless net.netfilter.nf_conntrack_acct is set.</summary>
    public ulong OriginalBytes { get; init; }

    /// <inheritdoc cref="OriginalBytes"/>
    public ulong ReplyBytes { get; init; }
}

/// <summary>Which flows to list; null means any.</summary>
public sealed record FlowFilter
{
    /// <summary>Flows whose mark has these bits under <see cref="Mask"/>; compared in the kernel.</summary>
    public uint? Mark { get; init; }

    /// <summary>Which bits of the mark count; all by default.</summary>
    public uint Mask { get; init; } = uint.MaxValue;

    /// <summary>Looked at in this process, for each flow.</summary>
    public Func<Flow, bool>? Where { get; init; }

    /// <summary>The most flows that are returned; further ones are left out. Default 65,536.</summary>
    public int Limit { get; init; } = 65_536;
}

/// <summary>How full the table is.</summary>
/// <param name="Entries">Flows now.</param>
/// <param name="Limit">Flows at most; new ones are dropped beyond that. 0: the kernel does not say.</param>
public readonly record struct ConntrackUsage(int Entries, int Limit);

using System.Buffers.Binary;
using System.Net;

namespace Gatehouse.Node.Ruleset;

/// <summary>
/// The connection marks that the node sets. They derive from addresses, so that they mean the same before and after a restart of the agent, without any state.
/// The upper bits keep away from kube-proxy's 0x4000 and 0x8000 and from small numbers that people choose.
/// </summary>
internal static class ConntrackMarks
{
    /// <summary>A flow to an exposed address that has not been stamped with its instance yet.</summary>
    public const uint Exposed = 0x6768_0001;

    /// <summary>Of a flow that is being translated: this and what tells its chain, until it is stamped with its instance.</summary>
    public const uint Chain = 0x6790_0000;

    /// <summary>Of a flow that was translated to an instance: this and the lower 20 bits of its namespace address.</summary>
    public const uint Instance = 0x1800_0000;

    /// <summary>Of a flow that came from outside through a gateway and kept the client's address: this and the index of the gateway's subnetwork.</summary>
    public const uint Gateway = 0x1770_0000;

    /// <summary>The bits that tell the two kinds apart.</summary>
    public const uint KindMask = 0xfff0_0000;

    private const uint HostMask = 0x000f_ffff;
    private const uint FirstSubnetwork = 0x0a12_0000;
    private const uint FirstAfterReserved = 0x0a1f_0000;

    /// <summary>The mark of an instance, by its namespace address; both families of an instance have the same.</summary>
    public static uint OfInstance(IPAddress namespaceAddress)
    {
        Span<byte> bytes = stackalloc byte[16];
        namespaceAddress.TryWriteBytes(bytes, out var length);
        return Instance | (length == 4
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes) & HostMask
            : OfIndex(BinaryPrimitives.ReadUInt32BigEndian(bytes[11..]), bytes[15]));
    }

    /// <summary>The mark of a gateway, by the index of its subnetwork.</summary>
    public static uint OfGateway(int index) => Gateway | (uint)index;

    public static bool IsInstance(uint mark) => (mark & KindMask) == Instance;

    /// <summary>The lower 20 bits that the IPv4 address of the same subnetwork and host number has.</summary>
    private static uint OfIndex(uint index, byte host)
    {
        const uint FirstPart = 12_288;
        const uint SecondPart = FirstPart + 1_024;
        var start = index < FirstPart ? FirstSubnetwork + (index * 64)
            : index < SecondPart ? FirstAfterReserved + ((index - FirstPart) * 64)
            : 0x0a10_0000 + ((index - SecondPart) * 64);
        return (start + host) & HostMask;
    }
}

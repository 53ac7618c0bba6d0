using System.Buffers.Binary;
using System.Net;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;
using Gatehouse.Wire;

namespace Gatehouse.Node.Peers;

/// <summary>A peer, parsed once. Only those with an underlay address and a subnetwork can be reached.</summary>
internal sealed record PeerTarget
{
    public required string Name { get; init; }

    public required IPAddress Underlay { get; init; }

    public required int Port { get; init; }

    /// <summary>Index of its subnetwork: MAC and marks derive from it.</summary>
    public required int Index { get; init; }

    public required IPNetwork Subnetwork4 { get; init; }

    public required IPNetwork Subnetwork6 { get; init; }

    /// <summary>Whether it forwards clients that keep their own addresses.</summary>
    public required bool IsGateway { get; init; }

    public required IReadOnlyList<PeerAddresses> Bindings { get; init; }

    /// <summary>The address of its bridge.</summary>
    public IPAddress Bridge4 => FirstOf(Subnetwork4);

    public IPAddress Bridge6 => FirstOf(Subnetwork6);

    public MacAddress Mac => MacOf(Index);

    /// <summary>The tunnel end's MAC: locally administered, from the subnetwork's index, so that it can't collide and needs no exchange.</summary>
    public static MacAddress MacOf(int index) => new(0x0267_6800_0000UL | (uint)index);

    /// <summary>The first address after the network's own.</summary>
    public static IPAddress FirstOf(IPNetwork network) => HostOf(network, 1);

    /// <summary>An address of a subnetwork by its host number.</summary>
    public static IPAddress HostOf(IPNetwork network, int host)
    {
        Span<byte> bytes = stackalloc byte[16];
        network.BaseAddress.TryWriteBytes(bytes, out var length);
        var last = bytes[(length - 4)..length];
        BinaryPrimitives.WriteUInt32BigEndian(last, BinaryPrimitives.ReadUInt32BigEndian(last) + (uint)host);
        return new IPAddress(bytes[..length]);
    }

    /// <summary>Null when the peer can't be reached yet, or what it says of itself is no address.</summary>
    public static PeerTarget? From(Peer peer)
    {
        if (AddressText.Parse(peer.Spec.Underlay) is not { } underlay || peer.Spec.Subnetwork is not { } range) return null;
        if (!IPNetwork.TryParse(range.Ipv4, out var subnetwork4) || !IPNetwork.TryParse(range.Ipv6, out var subnetwork6)) return null;
        return new()
        {
            Name = $"{peer.Spec.Cluster}.{peer.Spec.Worker}",
            Underlay = underlay,
            Port = peer.Spec.TunnelPort,
            Index = range.Index,
            Subnetwork4 = subnetwork4,
            Subnetwork6 = subnetwork6,
            IsGateway = peer.Spec.PublicAddresses.Count > 0,
            Bindings = [.. peer.Spec.Bindings.Select(PeerAddresses.From)],
        };
    }
}

/// <summary>A binding's addresses.</summary>
internal sealed record PeerAddresses(IPAddress? Instance4, IPAddress? Instance6, IPAddress? Namespace4, IPAddress? Namespace6)
{
    public static PeerAddresses From(PeerBinding binding) => new(
        AddressText.Parse4(binding.Instance.Ipv4), AddressText.Parse6(binding.Instance.Ipv6),
        AddressText.Parse4(binding.NamespaceAddress.Ipv4), AddressText.Parse6(binding.NamespaceAddress.Ipv6));
}

using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Peers;

/// <summary>A peer in, elements out: which inner sources may come from its underlay address, and its instances by their own addresses. Pure.</summary>
internal static class PeerElements
{
    public static IEnumerable<NftElement> Of(PeerTarget peer)
    {
        foreach (var element in Admission(peer).Concat(IpFamilies.Both.SelectMany(f => Instances(peer, f)))) yield return element;
        if (!peer.IsGateway) yield break;
        foreach (var family in IpFamilies.Both)
            yield return NftElement.Map(NftSchema.For(family).GatewayMarks, [ConntrackMarks.OfGateway(peer.Index)], peer.Mac.ToArray());
    }

    private static IEnumerable<NftElement> Admission(PeerTarget peer)
    {
        var schema = NftSchema.For(IpFamilies.Of(peer.Underlay));
        yield return NftElement.Member(schema.Underlays, peer.Underlay);
        if (peer.IsGateway) yield return NftElement.Member(schema.Gateways, peer.Underlay);
        yield return NftElement.Member(schema.PeerSubnetworks4, peer.Underlay, peer.Subnetwork4.BaseAddress);
        yield return NftElement.Member(schema.PeerSubnetworks6, peer.Underlay, peer.Subnetwork6.BaseAddress);
        foreach (var binding in peer.Bindings)
        {
            if (binding.Instance4 is { } four) yield return NftElement.Member(schema.PeerSources4, peer.Underlay, four);
            if (binding.Instance6 is { } six) yield return NftElement.Member(schema.PeerSources6, peer.Underlay, six);
        }
    }

    private static IEnumerable<NftElement> Instances(PeerTarget peer, IpFamily family)
    {
        var schema = NftSchema.For(family);
        foreach (var binding in peer.Bindings)
        {
            var (instance, space) = family == IpFamily.V4 ? (binding.Instance4, binding.Namespace4) : (binding.Instance6, binding.Namespace6);
            if (space is null) continue;
            yield return NftElement.Map(schema.Marks, [ConntrackMarks.OfInstance(space)], space);
            if (instance is not null) yield return NftElement.Map(schema.One, [space], instance);
        }
    }
}

using Gatehouse.Node.Overlay;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;

namespace Gatehouse.Node.Instances;

/// <summary>An attached instance in, elements out. Pure.</summary>
internal static class InstanceElements
{
    /// <summary>What it may send from, what its source becomes towards services, and the way to it by its own address.</summary>
    public static IEnumerable<NftElement> Of(AttachedInstance instance, OverlayAddresses addresses, DeviceNames names)
    {
        foreach (var family in IpFamilies.Both)
        {
            var schema = NftSchema.For(family);
            var v4 = family == IpFamily.V4;
            var space = v4 ? addresses.Host4(instance.Host) : addresses.Host6(instance.Host);
            yield return NftElement.Member(schema.Sources, names.OfInstance(instance.Host), space);
            yield return NftElement.Map(schema.Marks, [ConntrackMarks.OfInstance(space)], space);
            var own = v4 ? AddressText.Parse4(instance.Address?.Ipv4) : AddressText.Parse6(instance.Address?.Ipv6);
            if (own is null) continue;
            yield return NftElement.Map(schema.Instances, [own], space);
            yield return NftElement.Map(schema.One, [space], own);
        }
    }
}

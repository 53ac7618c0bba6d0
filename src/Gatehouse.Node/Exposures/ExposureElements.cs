using System.Net;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Exposures;

/// <summary>An exposure, parsed once: where packets arrive and what they are for.</summary>
internal sealed record ExposureTarget(string Name, IReadOnlyList<IPAddress> Public, byte Protocol, ushort Port, IPAddress Service, ushort ServicePort, bool KeepsClient)
{
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <summary>Null when an address or port is none.</summary>
    public static ExposureTarget? From(Exposure exposure)
    {
        if (AddressText.Parse(exposure.Spec.ServiceAddress) is not { } service || !IsPort(exposure.Spec.Port) || !IsPort(exposure.Spec.ServicePort)) return null;
        return new(
            exposure.Metadata.Name,
            [.. (exposure.Status?.PublicAddresses ?? []).Select(AddressText.Parse).OfType<IPAddress>().Where(a => a.AddressFamily == service.AddressFamily)],
            exposure.Spec.Protocol == Objects.Kinds.Protocol.Tcp ? Tcp : Udp,
            (ushort)exposure.Spec.Port,
            service,
            (ushort)exposure.Spec.ServicePort,
            exposure.Spec.KeepClientAddress);
    }

    private static bool IsPort(int port) => port is > 0 and <= ushort.MaxValue;
}

/// <summary>
/// Exposures in, elements out. A packet is translated once and a map belongs to one table, so an exposure leads to instances directly, by the same slots as its service
/// address. Pure.
/// </summary>
internal static class ExposureElements
{
    /// <summary>The elements of an exposure, and the chains that they lead to.</summary>
    /// <param name="service">The service that its address belongs to; null while it is not resolved.</param>
    public static (IReadOnlyList<NftElement> Elements, IReadOnlyList<PolicyChain> Chains) Of(ExposureTarget exposure, ServiceView? service)
    {
        if (service is null || Slots(exposure.Service, service) is not { Chain: not null } slots) return ([], []);
        var family = IpFamilies.Of(exposure.Service);
        var schema = NftSchema.For(family);
        var elements = new List<NftElement>();
        var chains = new List<PolicyChain>();
        foreach (var here in exposure.Public)
        {
            var chain = PolicyChain.For(exposure.KeepsClient ? ChainUse.Kept : ChainUse.Exposed, slots.Assignment, here);
            chains.Add(chain);
            for (var slot = 0; slot < slots.Assignment.Slots.Length; slot++)
            {
                var space = slots.Targets[slots.Assignment.Slots[slot]].Namespace(family)!;
                elements.Add(NftElement.Map(schema.ExposedSlots, [space, exposure.ServicePort], here, exposure.Protocol, exposure.Port, (uint)slot));
            }

            elements.Add(NftElement.Map(schema.Exposed, [chain.Code], here, exposure.Protocol, exposure.Port));
        }

        return (elements, chains);
    }

    /// <summary>The slots of a service address; an instance address is a service of one.</summary>
    public static AddressSlots? Slots(IPAddress address, ServiceView service) =>
        service.Slots.FirstOrDefault(s => s.Service.Address.Equals(address))
        ?? (service.Targets.FirstOrDefault(t => address.Equals(t.Instance4) || address.Equals(t.Instance6)) is { } target
            ? ServiceElements.Choose(new(BalancingPolicy.RoundRobin, address), [target], null)
            : null);
}

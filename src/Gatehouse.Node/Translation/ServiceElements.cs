using System.Net;
using Gatehouse.Addressing.Balancing;
using Gatehouse.Node.Ruleset;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Translation;

/// <summary>An instance as the translation needs it, both families parsed once.</summary>
internal sealed record Target
{
    public required int Number { get; init; }

    public required string Cluster { get; init; }

    public required string Worker { get; init; }

    public required int Weight { get; init; }

    public int? Load { get; init; }

    public IPAddress? Instance4 { get; init; }

    public IPAddress? Instance6 { get; init; }

    public IPAddress? Namespace4 { get; init; }

    public IPAddress? Namespace6 { get; init; }

    /// <summary>The place that distance is measured to.</summary>
    public string Place => $"{Cluster}.{Worker}";

    /// <summary>The mark of its flows; 0 when it has no namespace address.</summary>
    public uint Mark => (Namespace4 ?? Namespace6) is { } space ? ConntrackMarks.OfInstance(space) : 0;

    public IPAddress? Namespace(IpFamily family) => family == IpFamily.V4 ? Namespace4 : Namespace6;

    public IPAddress? Instance(IpFamily family) => family == IpFamily.V4 ? Instance4 : Instance6;

    public static Target From(ResolvedInstance instance) => new()
    {
        Number = instance.Number,
        Cluster = instance.Cluster,
        Worker = instance.Worker,
        Weight = instance.Weight,
        Load = instance.Load,
        Instance4 = AddressText.Parse4(instance.Instance.Ipv4),
        Instance6 = AddressText.Parse6(instance.Instance.Ipv6),
        Namespace4 = AddressText.Parse4(instance.NamespaceAddress.Ipv4),
        Namespace6 = AddressText.Parse6(instance.NamespaceAddress.Ipv6),
    };
}

/// <summary>A service address with its policy.</summary>
internal sealed record ServiceTarget(BalancingPolicy Policy, IPAddress Address);

/// <summary>The chosen slots of one address, kept for those who explain.</summary>
/// <param name="Targets">The instances that the slots point into.</param>
internal sealed record AddressSlots(ServiceTarget Service, SlotAssignment Assignment, IReadOnlyList<Target> Targets, PolicyChain? Chain);

/// <summary>Service addresses and instances in, elements out. Pure.</summary>
internal static class ServiceElements
{
    /// <summary>The slots of one address by its policy.</summary>
    /// <param name="closest">The place that is nearest, as measured.</param>
    public static AddressSlots Choose(ServiceTarget service, IReadOnlyList<Target> targets, string? closest, ChainUse use = ChainUse.Service)
    {
        var family = IpFamilies.Of(service.Address);
        var usable = targets.Where(t => t.Namespace(family) is not null).OrderBy(t => t.Number).ToArray();
        var candidates = usable.Select(t => new Candidate((ulong)t.Number, t.Weight, t.Load, t.Place)).ToArray();
        var assignment = service.Policy switch
        {
            BalancingPolicy.RoundRobin => SlotFill.RoundRobin(candidates),
            BalancingPolicy.Weighted => SlotFill.Weighted(candidates),
            BalancingPolicy.LeastLoaded => SlotFill.LeastLoaded(candidates),
            BalancingPolicy.Sticky => SlotFill.Sticky(candidates),
            _ => SlotFill.Closest(candidates, closest),
        };
        return new(service, assignment, usable, assignment.Slots.IsEmpty ? null : PolicyChain.For(use, assignment, service.Address));
    }

    /// <summary>The elements of one address: its slots and the chain that draws from them, or the refusal when nobody is there.</summary>
    public static IEnumerable<NftElement> Of(AddressSlots slots)
    {
        var family = IpFamilies.Of(slots.Service.Address);
        var schema = NftSchema.For(family);
        yield return NftElement.Member(schema.Known, slots.Service.Address);
        if (slots.Chain is not { } chain)
        {
            yield return NftElement.Member(schema.Refused, slots.Service.Address);
            yield break;
        }

        for (var slot = 0; slot < slots.Assignment.Slots.Length; slot++)
        {
            var target = slots.Targets[slots.Assignment.Slots[slot]];
            yield return NftElement.Map(schema.Slots, [target.Namespace(family)!], slots.Service.Address, (uint)slot);
        }

        yield return NftElement.Map(schema.Services, [chain.Code], slots.Service.Address);
    }

    /// <summary>What reaching one instance by its own address needs, and the mark of flows to it.</summary>
    public static IEnumerable<NftElement> Of(Target target)
    {
        foreach (var family in IpFamilies.Both)
        {
            var schema = NftSchema.For(family);
            if (target.Namespace(family) is not { } space) continue;
            yield return NftElement.Map(schema.Marks, [ConntrackMarks.OfInstance(space)], space);
            if (target.Instance(family) is not { } instance) continue;
            yield return NftElement.Map(schema.One, [space], instance);
            yield return NftElement.Member(schema.Known, instance);
        }
    }
}

using System.Net;
using Gatehouse.Addressing.Balancing;
using Gatehouse.Node.Exposures;
using Gatehouse.Node.Flows;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Peers;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;

namespace Gatehouse.Node.Trace;

/// <summary>Explains what this worker does with a packet: from the same state that the kernel's tables were made of.</summary>
internal sealed class Tracer(ServiceBook services, ExposureSync exposures, InstanceHost instances, PeerSync peers, DataPath path, FlowTable flows, NodeOptions options)
{
    private const string Expose = "map expose";
    private readonly DeviceNames _names = new(options.DevicePrefix);

    public TraceReport Explain(IPAddress source, IPAddress destination, ushort port)
    {
        var steps = new List<TraceStep>();
        if (source.AddressFamily != destination.AddressFamily)
            return Report(source, destination, port, "dropped", [new("-", "is no packet", "source and destination have different families")], []);
        var isInside = IsInside(source, steps);
        var isService = OverlayAddresses.Services4.Contains(destination) || OverlayAddresses.Services6.Contains(destination);
        if (!isInside && (isService || OverlayAddresses.IsInner(destination)))
        {
            steps.Add(new("chain guard", "is dropped", $"{destination} is an inner address, which nobody outside reaches"));
            return Report(source, destination, port, "dropped", steps, []);
        }

        return isService ? ToService(source, destination, port, steps) : ToOther(source, destination, port, steps);
    }

    private TraceReport ToService(IPAddress source, IPAddress destination, ushort port, List<TraceStep> steps)
    {
        var service = services.Find(destination);
        if (service?.Slots.FirstOrDefault(s => s.Service.Address.Equals(destination)) is { } slots) return ToSlots(source, slots, service, port, steps);
        var schema = NftSchema.For(IpFamilies.Of(destination));
        if (path.Find(NftElement.Member(schema.One, destination).Key) is { Bytes: { } bytes })
        {
            var space = new IPAddress(bytes);
            steps.Add(new("map one", $"destination becomes {space}", $"{destination} is an instance address"));
            Return(source, steps);
            var way = Way(space, steps);
            return Report(source, destination, port, "translated", steps, [new(NameOf(destination, service), space.ToString(), "1 of 1", true, way)]);
        }

        steps.Add(new("chain slow", $"a copy goes to {_names.Tun}, the packet is dropped", $"no map knows {destination}; the agent asks the cluster, installs the answer and puts the packet back"));
        return Report(source, destination, port, "slow path", steps, []);
    }

    private TraceReport ToSlots(IPAddress source, AddressSlots slots, ServiceView service, ushort port, List<TraceStep> steps)
    {
        if (slots.Chain is not { } chain)
        {
            steps.Add(new("set refused", "an ICMP error goes back", $"{service.Name} has no instance that takes connections"));
            return Report(source, slots.Service.Address, port, "refused", steps, []);
        }

        steps.Add(new("map svc", $"goes to chain {chain.Name}", $"{slots.Service.Address} is the {slots.Service.Policy} address of {service.Name}, version {service.Version}"));
        var reached = Draw(source, slots, service, chain, steps);
        Return(source, steps);
        return Report(source, slots.Service.Address, port, "translated", steps, reached);
    }

    /// <summary>The instances that a chain's slots lead to.</summary>
    private IReadOnlyList<TraceInstance> Draw(IPAddress source, AddressSlots slots, ServiceView service, PolicyChain chain, List<TraceStep> steps)
    {
        steps.Add(new($"chain {chain.Name}", $"draws one of {chain.Slots} slots {DrawText(slots, service)}", "the destination becomes the slot's instance, for the whole connection"));
        var certain = chain.Draw == SlotDraw.ClientHash ? slots.Assignment.Slots[KernelHash.Slot(source, chain.Slots, PolicyChain.HashSeed)]
            : slots.Assignment.Slots.Distinct().Count() == 1 ? slots.Assignment.Slots[0] : -1;
        var family = IpFamilies.Of(slots.Service.Address);
        return
        [
            .. slots.Assignment.Slots.GroupBy(i => i).Select(g => new TraceInstance(
                $"{service.Name}.{slots.Targets[g.Key].Number}",
                slots.Targets[g.Key].Namespace(family)!.ToString(),
                $"{g.Count()} of {chain.Slots}",
                g.Key == certain,
                Way(slots.Targets[g.Key].Namespace(family)!, null))),
        ];
    }

    private static string DrawText(AddressSlots slots, ServiceView service) => slots.Assignment.Draw switch
    {
        SlotDraw.Next => service.Closest is { } near && slots.Service.Policy == Objects.Kinds.BalancingPolicy.Closest ? $"in turn, all on {near}, the nearest" : "in turn",
        SlotDraw.Random => "at random, as many for each instance as its share",
        _ => "by a hash of the client's address",
    };

    private TraceReport ToOther(IPAddress source, IPAddress destination, ushort port, List<TraceStep> steps)
    {
        if (options.PublicAddresses.Contains(destination) || options.Underlay.Equals(destination))
        {
            List<TraceInstance> reached = [];
            foreach (var (protocol, word) in new[] { ((byte)6, "TCP"), ((byte)17, "UDP") }) reached.AddRange(ToPublic(source, destination, protocol, word, port, steps));
            if (steps.All(s => s.Rule != Expose)) steps.Add(new(Expose, "nothing; the host itself answers", $"port {port} of {destination} is neither exposed nor mapped"));
            return Report(source, destination, port, steps.Any(s => s.Rule == Expose && s.Happens.StartsWith("goes", StringComparison.Ordinal)) ? "translated" : "routed", steps, reached);
        }

        Way(destination, steps);
        return Report(source, destination, port, "routed", steps, []);
    }

    private IReadOnlyList<TraceInstance> ToPublic(IPAddress source, IPAddress destination, byte protocol, string word, ushort port, List<TraceStep> steps)
    {
        var schema = NftSchema.For(IpFamilies.Of(destination));
        if (path.Find(NftElement.Member(schema.Exposed, destination, protocol, port).Key) is not { Bytes: { } code }) return [];
        var name = PolicyChain.Of(BitConverter.ToUInt32(code)).Name;
        if (exposures.Find(destination, protocol, port) is not { } found || ExposureElements.Slots(found.Target.Service, found.Service) is not { } slots)
        {
            steps.Add(new(Expose, $"goes to chain {name}", $"{word} port {port} of {destination} is mapped to an instance of this worker"));
            return [];
        }

        var (target, service) = found;
        steps.Add(new(Expose, $"goes to chain {name}", $"exposure {target.Name}: {word} port {port} of {destination} leads to port {target.ServicePort} of {target.Service}, {service.Name}"));
        var chain = PolicyChain.For(target.KeepsClient ? ChainUse.Kept : ChainUse.Exposed, slots.Assignment, destination);
        var reached = Draw(source, slots, service, chain, steps);
        steps.Add(target.KeepsClient
            ? new("chain keep", $"the source stays {source}", "the exposure keeps the client's address; the reply comes back through this gateway by a mark")
            : new("chain post", $"source becomes {instances.Addresses?.Bridge(IpFamilies.Of(destination))}", "the gateway's internal address, so that the reply comes back through it"));
        return reached;
    }

    /// <summary>Whether a packet with this source may reach inner addresses.</summary>
    private bool IsInside(IPAddress source, List<TraceStep> steps)
    {
        var own = instances.Addresses;
        var sender = instances.Attached.Values.FirstOrDefault(i => own is not null && (own.Host4(i.Host).Equals(source) || own.Host6(i.Host).Equals(source)));
        var (step, isInside) = (sender, PeerOf(source)) switch
        {
            ({ } here, _) => (new TraceStep("set sources", "is let in", $"{source} is {here.Name}, on {_names.OfInstance(here.Host)}"), true),
            _ when own is not null && (own.Bridge4.Equals(source) || own.Bridge6.Equals(source)) => (new TraceStep("-", "is the host's own", $"{source} is the bridge of this worker"), true),
            _ when IsHost(source) => (new TraceStep("-", "is the host's own", $"{source} is an address of this worker"), true),
            (_, { } peer) => (new TraceStep("chain tun", "is let in from the tunnel", $"{source} belongs to {peer.Name}, and may come from {peer.Underlay} alone"), true),
            _ => (new TraceStep("chain guard", "comes from outside", $"{source} is no address of an instance or a worker that is known here"), false),
        };
        steps.Add(step);
        return isInside;
    }

    private bool IsHost(IPAddress source) => IPAddress.IsLoopback(source) || options.Underlay.Equals(source) || options.PublicAddresses.Contains(source);

    private void Return(IPAddress source, List<TraceStep> steps)
    {
        var schema = NftSchema.For(IpFamilies.Of(source));
        if (path.Find(NftElement.Member(schema.Instances, source).Key) is { Bytes: { } bytes })
            steps.Add(new("map inst", $"source becomes {new IPAddress(bytes)}", "the sender's instance address, which every worker of the cluster can answer"));
    }

    /// <summary>The way to a namespace address.</summary>
    private string Way(IPAddress space, List<TraceStep>? steps)
    {
        var own = instances.Addresses;
        var local = instances.Attached.Values.FirstOrDefault(i => own is not null && (own.Host4(i.Host).Equals(space) || own.Host6(i.Host).Equals(space)));
        var (rule, way) = (local, PeerOf(space)) switch
        {
            ({ } here, _) => ("route", $"{_names.OfInstance(here.Host)}, on this worker"),
            (null, { } peer) => ("route", $"{_names.Vxlan}, tunnel to {peer.Underlay}, worker {peer.Name}"),
            _ when own is not null && (own.Subnetwork4.Contains(space) || own.Subnetwork6.Contains(space)) => ("route", "nowhere: no instance of this worker has that address"),
            _ => ("route", "the host's own routes, with the host's address as source"),
        };
        steps?.Add(new(rule, $"leaves by {way}", $"route to {space}"));
        return way;
    }

    private PeerTarget? PeerOf(IPAddress address) => peers.Peers.Values.FirstOrDefault(p => p.Subnetwork4.Contains(address) || p.Subnetwork6.Contains(address)
        || p.Bindings.Any(b => address.Equals(b.Instance4) || address.Equals(b.Instance6)));

    private static string NameOf(IPAddress instance, ServiceView? service) =>
        service?.Targets.FirstOrDefault(t => instance.Equals(t.Instance4) || instance.Equals(t.Instance6)) is { } target ? $"{service.Name}.{target.Number}" : instance.ToString();

    private TraceReport Report(IPAddress source, IPAddress destination, ushort port, string verdict, IReadOnlyList<TraceStep> steps, IReadOnlyList<TraceInstance> reached) => new(
        source.ToString(), port == 0 ? destination.ToString() : new IPEndPoint(destination, port).ToString(), verdict, steps, reached,
        [.. flows.Between(source, destination).Where(f => port == 0 || f.Original.DestinationPort == port).Take(100).Select(f => $"{f.Original}, answered by {f.Reply.Source}")]);
}

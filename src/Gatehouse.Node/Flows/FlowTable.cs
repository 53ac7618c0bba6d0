using System.Net;
using Gatehouse.Linux.Conntrack;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;

namespace Gatehouse.Node.Flows;

/// <summary>The kernel's connection table as the node uses it: who still talks to whom, and the end of flows to what is gone.</summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class FlowTable(NodeOptions options, NodeMetrics metrics) : IDisposable
{
    private const byte Tcp = 6;
    private const int MostFlows = 1 << 20;

    /// <summary>So many walks of the kernel's own are cheaper than one that shows every instance's flows to this process.</summary>
    private const int MostWalks = 4;
    private readonly ConntrackSocket _socket = ConntrackSocket.Open(options.Namespace);

    /// <summary>Flows of each instance's mark, in any state: who is in here was used lately.</summary>
    public IReadOnlyDictionary<uint, int> ByMark() => _socket.CountByMark();

    /// <summary>Open flows that lead to attached instances, from here and from other workers, by the instance's name. One walk, however many are asked for.</summary>
    public IReadOnlyDictionary<string, int> OpenTo(IReadOnlyCollection<AttachedInstance> instances)
    {
        if (instances.Count == 0) return new Dictionary<string, int>();
        var names = instances.SelectMany(i => AddressesOf(i).Select(a => (Address: a, i.Name))).DistinctBy(p => p.Address).ToDictionary(p => p.Address, p => p.Name);
        var open = Select(f => names.ContainsKey(f.Reply.Source)).Where(IsOpen).CountBy(f => names[f.Reply.Source]).ToDictionary(StringComparer.Ordinal);
        return instances.DistinctBy(i => i.Name).ToDictionary(i => i.Name, i => open.GetValueOrDefault(i.Name), StringComparer.Ordinal);
    }

    /// <summary>Open flows that came to a public address and port.</summary>
    public IReadOnlyList<Flow> To(IPAddress address, byte protocol, ushort port) =>
        Select(f => f.Original.DestinationPort == port && f.Original.Protocol == protocol && f.Original.Destination.Equals(address));

    /// <summary>All flows between two addresses, as the first packet had them.</summary>
    public IReadOnlyList<Flow> Between(IPAddress source, IPAddress destination) =>
        Select(f => f.Original.Source.Equals(source) && f.Original.Destination.Equals(destination));

    public bool Delete(FlowTuple original) => _socket.Delete(original);

    /// <summary>Ends the flows to instances that are gone: their next packet is a new one and reaches another.</summary>
    public void DeleteByMark(IReadOnlyCollection<uint> marks)
    {
        if (marks.Count == 0) return;
        if (marks.Count <= MostWalks)
        {
            foreach (var mark in marks) _socket.DeleteByMark(mark);
        }
        else
        {
            var gone = marks.ToHashSet();
            var flows = _socket.Flows(new() { Mark = ConntrackMarks.Instance, Mask = ConntrackMarks.KindMask, Where = f => gone.Contains(f.Mark), Limit = MostFlows });
            foreach (var flow in flows) _socket.Delete(flow.Original);
        }

        metrics.FlowsDeleted(marks.Count);
    }

    /// <summary>Marks in the table whose instance nobody knows: it went while the agent was away.</summary>
    public IReadOnlyList<uint> Orphans(IReadOnlySet<uint> known) => [.. _socket.CountByMark().Keys.Where(m => ConntrackMarks.IsInstance(m) && !known.Contains(m))];

    public ConntrackUsage Usage() => _socket.Usage();

    public void Dispose() => _socket.Dispose();

    /// <summary>A TCP connection that is not on its way out, or anything else that was answered.</summary>
    public static bool IsOpen(Flow flow) => flow.Original.Protocol == Tcp
        ? flow.Tcp is TcpFlowState.SynReceived or TcpFlowState.Established or TcpFlowState.FinWait or TcpFlowState.CloseWait
        : flow.Status.HasFlag(FlowStatus.SeenReply);

    private static IEnumerable<IPAddress> AddressesOf(AttachedInstance instance) =>
        new[] { AddressText.Parse4(instance.Namespace?.Ipv4), AddressText.Parse6(instance.Namespace?.Ipv6) }.OfType<IPAddress>();

    private IReadOnlyList<Flow> Select(Func<Flow, bool> where) => _socket.Flows(new() { Where = where, Limit = MostFlows });
}

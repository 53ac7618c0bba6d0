namespace Gatehouse.Node.Trace;

/// <summary>What would happen to a packet on this worker, and why.</summary>
/// <param name="Verdict">In a few words: translated, refused, slow path, routed, dropped.</param>
/// <param name="Steps">In the order in which the kernel takes them.</param>
/// <param name="Instances">The instances that it may reach.</param>
/// <param name="Flows">The flows between the two that are open now; those stay where they are.</param>
internal sealed record TraceReport(string Source, string Destination, string Verdict, IReadOnlyList<TraceStep> Steps, IReadOnlyList<TraceInstance> Instances, IReadOnlyList<string> Flows);

/// <summary>One step.</summary>
/// <param name="Rule">Chain or map, as <c>nft list table</c> shows it; or the routing table.</param>
/// <param name="Happens">What it does.</param>
internal sealed record TraceStep(string Rule, string Happens, string Why);

/// <summary>An instance that a packet may reach.</summary>
/// <param name="Share">Slots that lead to it, of all.</param>
/// <param name="Next">Whether this packet certainly goes there.</param>
/// <param name="Way">Through which device, to which worker.</param>
internal sealed record TraceInstance(string Name, string NamespaceAddress, string Share, bool Next, string Way);

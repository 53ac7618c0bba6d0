using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Routing;

namespace Gatehouse.Proxy.Access;

/// <summary>What of one configuration has figures, in the configuration's order. Immutable, so that whoever shows figures needs no lock.</summary>
/// <param name="Listeners">All listeners.</param>
/// <param name="Routes">Routes of virtual hosts, then what listeners lead to without one.</param>
/// <param name="Groups">All groups.</param>
internal sealed record FigureIndex(IReadOnlyList<ListenerState> Listeners, IReadOnlyList<RouteModel> Routes, IReadOnlyList<UpstreamState> Groups);

namespace Gatehouse.Proxy.Access.Metrics;

/// <summary>A figure that each thing of a kind has.</summary>
/// <param name="Family">Its metric.</param>
/// <param name="Plus">What is read.</param>
/// <param name="Minus">What is taken off it, for what goes up and down.</param>
/// <param name="Scale">What it is multiplied with.</param>
internal sealed record ThingFigure(MetricFamily Family, Counter Plus, Counter? Minus = null, double Scale = 1);

/// <summary>All metrics of an engine, in the order in which they are written. docs/operations/proxy.md lists the same.</summary>
internal static class MetricList
{
    public static readonly MetricFamily Info = new("info", MetricKind.Gauge, "version", "Always 1; the label says which program it is.");
    public static readonly MetricFamily StartTime = new("start_time_seconds", MetricKind.Gauge, "", "When the engine's process began, in seconds since 1970.");
    public static readonly MetricFamily Resident = new("resident_memory_bytes", MetricKind.Gauge, "", "Memory of the engine's process that is in RAM.");
    public static readonly MetricFamily Collections = new("gc_collections_total", MetricKind.Counter, "generation", "Garbage collections, by the oldest generation collected.");
    public static readonly MetricFamily GcPause = new("gc_pause_seconds_total", MetricKind.Counter, "", "Time for which garbage collections stopped the loops.");
    public static readonly MetricFamily Revision = new("config_revision", MetricKind.Gauge, "", "Revision of the configuration that is in place.");
    public static readonly MetricFamily Restarts = new("restarts_total", MetricKind.Counter, "", "Engines that the parent started because one had died.");
    public static readonly MetricFamily Draining = new("draining", MetricKind.Gauge, "", "1 while the engine takes no more connections and ends those it has.");
    public static readonly MetricFamily Connections = new("connections", MetricKind.Gauge, "", "Client connections that are open.");
    public static readonly MetricFamily MaxConnections = new("max_connections", MetricKind.Gauge, "", "Client connections that may be open; beyond it new ones wait in the kernel.");
    public static readonly MetricFamily Routes = new("routes", MetricKind.Gauge, "", "Routes of the configuration.");
    public static readonly MetricFamily RoutesLeftOut = new("routes_without_series", MetricKind.Gauge, "", "Routes without series of their own here, since there are more than series are made for.");
    public static readonly MetricFamily LogLines = new("log_lines_total", MetricKind.Counter, "", "Lines of the access log.");
    public static readonly MetricFamily LogDropped = new("log_lines_dropped_total", MetricKind.Counter, "", "Lines of the access log that were dropped since they could not be written as fast as they came, or not at all.");
    public static readonly MetricFamily Refusals = new("refusals_total", MetricKind.Counter, "reason", "What was refused or cut off, by reason.");

    public static readonly MetricFamily LoopTurns = new("loop_turns_total", MetricKind.Counter, "loop", "Times the loop woke up.");
    public static readonly MetricFamily LoopAllocated = new("loop_allocated_bytes_total", MetricKind.Counter, "loop", "Bytes that the loop's thread has allocated on the managed heap.");
    public static readonly MetricFamily LoopConnections = new("loop_connections", MetricKind.Gauge, "loop", "Client connections of the loop.");
    public static readonly MetricFamily LoopHandedOver = new("loop_handed_over", MetricKind.Gauge, "loop", "Connections that other loops accepted for this one and that it has not taken up yet.");
    public static readonly MetricFamily LoopBuffers = new("loop_buffers_in_use", MetricKind.Gauge, "loop", "Buffers that hold bytes of requests and responses.");
    public static readonly MetricFamily LoopBuffersKept = new("loop_buffers_kept_bytes", MetricKind.Gauge, "loop", "Bytes of buffers that wait to be used again.");
    public static readonly MetricFamily LoopIdle = new("loop_idle_upstream_connections", MetricKind.Gauge, "loop", "Connections to endpoints that wait for another request.");

    /// <summary>For each listener.</summary>
    public static readonly IReadOnlyList<ThingFigure> OfListener = [.. OpenConnections("listener", "listener"), .. Common("listener", "listener"),
        new(new("listener_refused_total", MetricKind.Counter, "listener", "Requests and connections refused."), Counter.Refused),
        new(new("listener_aborted_total", MetricKind.Counter, "listener", "Requests cut off by their clients."), Counter.Aborted)];

    /// <summary>For each listener and class of status.</summary>
    public static readonly MetricFamily ListenerResponses = Responses("listener", "listener");

    /// <summary>For each route.</summary>
    public static readonly IReadOnlyList<ThingFigure> OfRoute = [.. Common("route", "host route")];

    /// <summary>For each route and class of status.</summary>
    public static readonly MetricFamily RouteResponses = Responses("route", "host route");

    /// <summary>For each endpoint.</summary>
    public static readonly IReadOnlyList<ThingFigure> OfEndpoint = [.. OpenConnections("endpoint", "group endpoint"), .. Common("endpoint", "group endpoint"),
        new(new("endpoint_connect_errors_total", MetricKind.Counter, "group endpoint", "Connections that could not be made."), Counter.ConnectErrors),
        new(new("endpoint_response_errors_total", MetricKind.Counter, "group endpoint", "Responses that were none, malformed, or cut off."), Counter.ResponseErrors),
        new(new("endpoint_retries_total", MetricKind.Counter, "group endpoint", "Requests that came here after a failure."), Counter.Retries)];

    /// <summary>For each endpoint and class of status.</summary>
    public static readonly MetricFamily EndpointResponses = Responses("endpoint", "group endpoint");

    /// <summary>All of them.</summary>
    public static IEnumerable<MetricFamily> All =>
    [
        Info, StartTime, Resident, Collections, GcPause, Revision, Restarts, Draining, Connections, MaxConnections, Routes, RoutesLeftOut, LogLines, LogDropped, Refusals,
        LoopTurns, LoopAllocated, LoopConnections, LoopHandedOver, LoopBuffers, LoopBuffersKept, LoopIdle,
        .. OfListener.Select(f => f.Family), ListenerResponses, .. OfRoute.Select(f => f.Family), RouteResponses, .. OfEndpoint.Select(f => f.Family), EndpointResponses,
    ];

    private static IEnumerable<ThingFigure> OpenConnections(string thing, string labels) =>
    [
        new(new($"{thing}_connections_total", MetricKind.Counter, labels, "Connections opened."), Counter.Connections),
        new(new($"{thing}_open_connections", MetricKind.Gauge, labels, "Connections that are open."), Counter.Connections, Counter.ConnectionsClosed),
    ];

    private static IEnumerable<ThingFigure> Common(string thing, string labels) =>
    [
        new(new($"{thing}_requests_total", MetricKind.Counter, labels, "Requests, and for TCP and UDP sessions."), Counter.Requests),
        new(new($"{thing}_requests_in_flight", MetricKind.Gauge, labels, "Requests and sessions that have not ended."), Counter.Requests, Counter.RequestsEnded),
        new(new($"{thing}_bytes_in_total", MetricKind.Counter, labels, "Bytes from clients, of requests and sessions that have ended."), Counter.BytesIn),
        new(new($"{thing}_bytes_out_total", MetricKind.Counter, labels, "Bytes to clients, of requests and sessions that have ended."), Counter.BytesOut),
        new(new($"{thing}_request_seconds_total", MetricKind.Counter, labels, "Time from the first byte of requests to the last of their responses, summed."), Counter.Milliseconds, Scale: 0.001),
    ];

    private static MetricFamily Responses(string thing, string labels) => new($"{thing}_responses_total", MetricKind.Counter, labels + " class", "Responses by class of status.");
}

using System.Text.Json.Serialization;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Access;

/// <summary>All live figures at one moment; what moves is a total since the thing began, so that two of them give rates.</summary>
internal sealed record EngineFigures
{
    /// <summary>Routes that are told at most: those with the most requests. The rest is in the metrics.</summary>
    public const int MostRoutes = 2_000;

    public required int Pid { get; init; }

    /// <summary>Seconds since the process began.</summary>
    public required double Age { get; init; }

    public required long Revision { get; init; }

    public required int Restarts { get; init; }

    public required bool Draining { get; init; }

    public required int Connections { get; init; }

    public required int MaxConnections { get; init; }

    public required int Threads { get; init; }

    public required long ResidentBytes { get; init; }

    public required long LogLinesDropped { get; init; }

    /// <summary>All routes that there are.</summary>
    public required int Routes { get; init; }

    public required IReadOnlyList<ThingFigures> Listeners { get; init; }

    /// <summary>Those that were ever used, the busiest first.</summary>
    public required IReadOnlyList<ThingFigures> BusyRoutes { get; init; }

    public required IReadOnlyList<ThingFigures> Endpoints { get; init; }

    /// <summary>As of now.</summary>
    public static EngineFigures Of(ProxyEngine engine, EngineState state)
    {
        var index = engine.Figures();
        return new EngineFigures
        {
            Pid = Environment.ProcessId,
            Age = (state.Time.GetUtcNow() - state.StartedAt).TotalSeconds,
            Revision = state.Revision,
            Restarts = state.Restarts,
            Draining = state.IsDraining,
            Connections = engine.Connections,
            MaxConnections = engine.MaxConnections,
            Threads = engine.Loops.Count,
            ResidentBytes = Environment.WorkingSet,
            LogLinesDropped = state.Log?.Dropped ?? 0,
            Routes = index.Routes.Count,
            Listeners = [.. index.Listeners.Select(l => ThingFigures.Of(engine, l.Name, l.Current.Config.Address.ToString(), l.Counter))],
            BusyRoutes = [.. index.Routes.Select(r => (Route: r, Requests: engine.Sum(r.Counter, Counter.Requests))).Where(r => r.Requests > 0)
                .OrderByDescending(r => r.Requests).Take(MostRoutes).Select(r => ThingFigures.Of(engine, r.Route.ToString(), "", r.Route.Counter))],
            Endpoints = [.. index.Groups.SelectMany(g => g.Current.Endpoints).Select(e => ThingFigures.Of(engine, $"{e.Group}/{e.Name}", e.Address.ToString(), e.Index))],
        };
    }
}

/// <summary>The figures of a listener, a route or an endpoint.</summary>
internal sealed record ThingFigures
{
    public required string Name { get; init; }

    /// <summary>Where it is; empty for routes.</summary>
    public string Address { get; init; } = "";

    /// <summary>Connections that are open now; of routes there are none.</summary>
    public long Open { get; init; }

    public long Requests { get; init; }

    /// <summary>Requests that have ended.</summary>
    public long Ended { get; init; }

    public long BytesIn { get; init; }

    public long BytesOut { get; init; }

    /// <summary>Responses with 5xx, also those that the engine gave in an endpoint's stead, and for endpoints connections that failed.</summary>
    public long Errors { get; init; }

    /// <summary>Of the requests that have ended, summed.</summary>
    public long Milliseconds { get; init; }

    /// <summary>Requests that have not ended.</summary>
    [JsonIgnore]
    public long InFlight => Math.Max(0, Requests - Ended);

    public static ThingFigures Of(ProxyEngine engine, string name, string address, int place)
    {
        // What has ended is read before what has begun, so that what is in flight is never less than nothing.
        var ended = engine.Sum(place, Counter.RequestsEnded);
        var closed = engine.Sum(place, Counter.ConnectionsClosed);
        return new ThingFigures
        {
            Name = name,
            Address = address,
            Open = engine.Sum(place, Counter.Connections) - closed,
            Requests = engine.Sum(place, Counter.Requests),
            Ended = ended,
            BytesIn = engine.Sum(place, Counter.BytesIn),
            BytesOut = engine.Sum(place, Counter.BytesOut),
            Errors = engine.Sum(place, Counter.Status5xx) + engine.Sum(place, Counter.ConnectErrors),
            Milliseconds = engine.Sum(place, Counter.Milliseconds),
        };
    }
}

/// <summary>Source-generated JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineFigures))]
internal sealed partial class EngineFiguresJson : JsonSerializerContext;

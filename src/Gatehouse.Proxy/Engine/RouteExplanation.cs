using System.Text.Json.Serialization;

namespace Gatehouse.Proxy.Engine;

/// <summary>What would become of a request, and why.</summary>
internal sealed record RouteExplanation
{
    public required string Method { get; init; }

    public required string Url { get; init; }

    /// <summary>The host that is looked up; empty when the request names none.</summary>
    public string Host { get; init; } = "";

    /// <summary>The path that routes are compared with.</summary>
    public string Path { get; init; } = "";

    /// <summary>Why the request is refused before any route is asked; null: it is not.</summary>
    public string? Refused { get; init; }

    /// <summary>Those that it could come to.</summary>
    public IReadOnlyList<ListenerExplanation> Listeners { get; init; } = [];

    /// <summary>Those that it could not, and why.</summary>
    public IReadOnlyList<Passed> NotAsked { get; init; } = [];
}

/// <summary>What one listener would do with it.</summary>
internal sealed record ListenerExplanation
{
    public required string Name { get; init; }

    public required string Address { get; init; }

    public required string Protocol { get; init; }

    /// <summary>The pattern that the host matches most exactly; null when none does.</summary>
    public string? HostPattern { get; init; }

    /// <summary>Patterns that match it too, and are less exact.</summary>
    public IReadOnlyList<string> LessExact { get; init; } = [];

    /// <summary>Each route of the pattern in its order.</summary>
    public IReadOnlyList<RouteStep> Routes { get; init; } = [];

    /// <summary>Virtual host and route that take it; null: none.</summary>
    public string? Route { get; init; }

    /// <summary>What happens, in one sentence.</summary>
    public required string Outcome { get; init; }

    /// <summary>The group that it goes to; null: it goes to none.</summary>
    public string? Group { get; init; }

    public IReadOnlyList<EndpointStep> Endpoints { get; init; } = [];
}

/// <summary>A route that was asked.</summary>
/// <param name="Route">Virtual host and route.</param>
/// <param name="Path">Its path's condition.</param>
/// <param name="Reason">Why it does not take the request; null: it does.</param>
internal sealed record RouteStep(string Route, string Path, string? Reason);

/// <summary>A listener that was not asked.</summary>
internal sealed record Passed(string Name, string Reason);

/// <summary>An endpoint of the group. What only a running engine knows is null without one.</summary>
internal sealed record EndpointStep(string Name, string Address, int Weight, string State, int? Active, long? Requests, long? Failed);

/// <summary>Source-generated JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RouteExplanation))]
internal sealed partial class RouteExplanationJson : JsonSerializerContext;

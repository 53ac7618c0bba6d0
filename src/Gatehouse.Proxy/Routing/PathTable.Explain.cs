using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Routing;

/// <summary>The same choice one route after the other, with its reasons.</summary>
internal sealed partial class PathTable
{
    /// <summary>Why each route takes a request or does not, in the order in which they win. The first without a reason is the one that <see cref="Find"/> takes.</summary>
    /// <param name="path">Normalised.</param>
    /// <param name="head">The request.</param>
    /// <param name="buffer">Its bytes.</param>
    public IReadOnlyList<(RouteModel Route, string? Reason)> Explain(ReadOnlySpan<byte> path, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        List<(RouteModel, string?)> steps = [];
        RouteModel? winner = null;
        foreach (var route in Routes)
        {
            var reason = TakesPath(route, path) ? route.Match.Mismatch(head, buffer) : $"the path is not {Described(route.Path)}";
            if (reason is null && winner is not null) reason = $"it matches, and {winner} stands before it: {WhyBefore(winner.Config, route.Config)}";
            if (reason is null) winner = route;
            steps.Add((route, reason));
        }

        return steps;
    }

    /// <summary>A path's condition in words.</summary>
    public static string Described(PathMatch path) => path.Kind switch
    {
        PathMatchKind.Exact => $"exactly {path.Value}",
        PathMatchKind.Prefix => path.Value == "/" ? "any" : $"{path.Value} or below it",
        _ => $"matched by {path.Value}",
    };

    private static bool TakesPath(RouteModel route, ReadOnlySpan<byte> path)
    {
        switch (route.Path.Kind)
        {
            case PathMatchKind.Exact:
                return path.SequenceEqual(Encoding.Latin1.GetBytes(Normal(route.Path.Value)));
            case PathMatchKind.Prefix:
                var prefix = Encoding.Latin1.GetBytes(Normal(route.Path.Value.TrimEnd('/')));
                return path.StartsWith(prefix) && (path.Length == prefix.Length || path[prefix.Length] == '/');
            default:
                return RouteMatch.IsMatch(route.PathPattern!, path);
        }
    }

    /// <summary>The rule that decides between two that match.</summary>
    private static string WhyBefore(Route winner, Route other)
    {
        if (winner.Priority != other.Priority) return $"priority {winner.Priority} before {other.Priority}";
        if (winner.Path.Kind != other.Path.Kind) return $"{Word(winner.Path.Kind)} before {Word(other.Path.Kind)}";
        if (Length(winner.Path) != Length(other.Path)) return "its path is longer";
        if (winner.Methods.Count > 0 != other.Methods.Count > 0) return "it names methods";
        if (winner.Headers.Count != other.Headers.Count) return "it has more conditions for headers";
        return winner.Query.Count != other.Query.Count ? "it has more conditions for the query" : "it is written first";
    }

    private static string Word(PathMatchKind kind) => kind switch { PathMatchKind.Exact => "an exact path", PathMatchKind.Regex => "a regular expression", _ => "a prefix" };
}

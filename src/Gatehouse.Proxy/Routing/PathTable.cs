using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Routing;

/// <summary>
/// The routes of one host. Each has a rank, which is its place in the order that <see cref="Route"/> writes down; the least rank of those that match wins. What is asked of a request is one
/// lookup for its path and one for each of its segments, however many routes there are, and each regular expression whose rank could still win.
/// </summary>
internal sealed partial class PathTable
{
    private const int LongestPath = 16 * 1024;

    private readonly BytesTable<Ranked[]> _exact;
    private readonly BytesTable<Ranked[]> _prefix;
    private readonly (Regex Pattern, Ranked Route)[] _regexes;

    /// <param name="routes">All routes of the host, those of the virtual host that stands first before others.</param>
    public PathTable(IReadOnlyList<RouteModel> routes)
    {
        Routes = [.. routes.Select((r, i) => (Route: r, Index: i)).Order(Comparer<(RouteModel Route, int Index)>.Create(Compare)).Select(p => p.Route)];
        var ranked = Routes.Select((r, rank) => new Ranked(rank, r)).ToList();
        _exact = Table(ranked, PathMatchKind.Exact);
        _prefix = Table(ranked, PathMatchKind.Prefix);
        _regexes = [.. ranked.Where(r => r.Route.Path.Kind == PathMatchKind.Regex).Select(r => (r.Route.PathPattern!, r))];
    }

    /// <summary>In the order in which they win.</summary>
    public IReadOnlyList<RouteModel> Routes { get; }

    /// <summary>The route that takes a request; null when none does.</summary>
    /// <param name="path">Normalised.</param>
    /// <param name="head">The request.</param>
    /// <param name="buffer">Its bytes.</param>
    public RouteModel? Find(ReadOnlySpan<byte> path, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        Ranked? best = null;
        if (_exact.Count > 0 && _exact.Find(path) is { } exact) best = First(exact, best, head, buffer);
        if (_prefix.Count > 0) best = FindPrefix(path, best, head, buffer);
        foreach (var (pattern, route) in _regexes)
        {
            if (best is not null && route.Rank > best.Rank) break;
            if (RouteMatch.IsMatch(pattern, path) && route.Route.Match.Matches(head, buffer)) return route.Route;
        }

        return best?.Route;
    }

    /// <summary>The longest prefix first: the path itself, then each place where a segment ends. A prefix is kept without the slash at its end.</summary>
    private Ranked? FindPrefix(ReadOnlySpan<byte> path, Ranked? best, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        for (var length = path.Length; ; length = path[..length].LastIndexOf((byte)'/'))
        {
            if (_prefix.Find(path[..length]) is { } routes) best = First(routes, best, head, buffer);
            if (length == 0) return best;
        }
    }

    private static Ranked? First(Ranked[] routes, Ranked? best, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        foreach (var ranked in routes)
        {
            if (best is not null && ranked.Rank > best.Rank) return best;
            if (ranked.Route.Match.IsEmpty || ranked.Route.Match.Matches(head, buffer)) return ranked;
        }

        return best;
    }

    private static BytesTable<Ranked[]> Table(List<Ranked> ranked, PathMatchKind kind) =>
        new([.. ranked.Where(r => r.Route.Path.Kind == kind).GroupBy(r => Normal(kind == PathMatchKind.Prefix ? r.Route.Path.Value.TrimEnd('/') : r.Route.Path.Value), StringComparer.Ordinal)
            .Select(g => KeyValuePair.Create(Encoding.Latin1.GetBytes(g.Key), g.ToArray()))]);

    /// <summary>Each byte a character.</summary>
    private static string Normal(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        Span<byte> scratch = bytes.Length <= LongestPath ? stackalloc byte[bytes.Length] : new byte[bytes.Length];
        return Encoding.Latin1.GetString(RoutePath.TryNormalize(bytes, scratch, out var normal) ? normal : bytes);
    }

    /// <summary>The written rule; see <see cref="Route"/>.</summary>
    private static int Compare((RouteModel Route, int Index) left, (RouteModel Route, int Index) right)
    {
        var (a, b) = (left.Route.Config, right.Route.Config);
        var order = b.Priority.CompareTo(a.Priority);
        if (order == 0) order = KindOrder(a.Path.Kind).CompareTo(KindOrder(b.Path.Kind));
        if (order == 0) order = Length(b.Path).CompareTo(Length(a.Path));
        if (order == 0) order = (b.Methods.Count > 0).CompareTo(a.Methods.Count > 0);
        if (order == 0) order = b.Headers.Count.CompareTo(a.Headers.Count);
        if (order == 0) order = b.Query.Count.CompareTo(a.Query.Count);
        return order == 0 ? left.Index.CompareTo(right.Index) : order;
    }

    private static int KindOrder(PathMatchKind kind) => kind switch { PathMatchKind.Exact => 0, PathMatchKind.Regex => 1, _ => 2 };

    private static int Length(PathMatch path) => path.Kind == PathMatchKind.Prefix ? path.Value.TrimEnd('/').Length : path.Value.Length;

    /// <summary>A route with its place in the order.</summary>
    private sealed record Ranked(int Rank, RouteModel Route);
}

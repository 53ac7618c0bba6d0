using System.Text;
using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>What must hold within a route, and between the routes of a virtual host.</summary>
internal static class RouteRules
{
    private const int LongestBody = 16 * 1_024;

    /// <summary>One route.</summary>
    public static void Check(Route route, ConfigCheck check)
    {
        if (route.Name.Length == 0) check.Fault("name", "is required: " + TextRules.NameWords);
        if (route.Upstream is null && route.Respond is null) check.Fault("to", "is required: the name of an upstream, or respond with an answer from here");
        if (route.Upstream is not null && route.Respond is not null) check.Fault("respond", $"stands besides to ({Shown.Value(route.Upstream)}): a route has one of them");
        for (var i = 0; i < route.Methods.Count; i++)
        {
            if (route.Methods.AsSpan()[..i].Contains(route.Methods[i])) check.Fault($"methods[{i}]", $"{Shown.Value(route.Methods[i])} stands there twice");
        }

        CheckValues(route.Headers, check, "headers", TextRules.FieldName, TextRules.FieldValue, StringComparison.OrdinalIgnoreCase);
        CheckValues(route.Query, check, "query", static n => n.Length is > 0 and <= 1_024 ? null : "a name of 1 to 1,024 characters", static v => v.Length <= 8_192 ? null : "at most 8,192 characters", StringComparison.Ordinal);
    }

    /// <summary>An answer from here.</summary>
    public static void CheckResponse(FixedResponse response, ConfigCheck check)
    {
        var length = Encoding.UTF8.GetByteCount(response.Body);
        if (length > LongestBody) check.Fault("body", $"has {length:N0} bytes: at most {LongestBody:N0}");
        if (length > 0 && response.Status is 204 or 205 or 304) check.Fault("body", $"an answer with status {response.Status} has no body (RFC 9110 §15)");
        if (response.Location is not null && response.Status is < 300 or > 399) check.Fault("location", $"is for a status from 300 to 399, and this is {response.Status}");
        if (response.Location is null && response.Status is 301 or 302 or 303 or 307 or 308) check.Fault("location", $"is required with status {response.Status}");
    }

    /// <summary>Two routes that match the same: the second never gets a request, whatever its priority.</summary>
    public static void CheckTwins(EquatableArray<Route> routes, ConfigCheck check)
    {
        Dictionary<PathMatch, List<int>> byPath = [];
        for (var i = 0; i < routes.Count; i++)
        {
            if (routes[i].Path is not { } path) continue;
            if (!byPath.TryGetValue(path, out var same))
            {
                byPath.Add(path, [i]);
                continue;
            }

            var twin = same.FindIndex(j => SameMatch(routes[j], routes[i]));
            if (twin >= 0) TellTwins(routes, same[twin], i, check);
            else same.Add(i);
        }
    }

    private static void TellTwins(EquatableArray<Route> routes, int first, int second, ConfigCheck check)
    {
        check.Trail.Enter("routes");
        check.Trail.Enter(second);
        check.Fault($"{Shown.Value(routes[second].Name)} matches the same as routes[{first}] {Shown.Value(routes[first].Name)}: one of them would never get a request");
        check.Trail.Leave();
        check.Trail.Leave();
    }

    private static bool SameMatch(Route one, Route other) =>
        one.Headers.Count == other.Headers.Count && one.Query.Count == other.Query.Count && one.Methods.Count == other.Methods.Count
        && one.Methods.All(m => other.Methods.Contains(m, StringComparer.Ordinal))
        && one.Query.All(q => other.Query.Contains(q)) && other.Query.All(q => one.Query.Contains(q))
        && one.Headers.All(h => other.Headers.Any(o => SameHeader(h, o))) && other.Headers.All(h => one.Headers.Any(o => SameHeader(h, o)));

    private static bool SameHeader(ValueMatch one, ValueMatch other) => one with { Name = other.Name } == other && one.Name.Equals(other.Name, StringComparison.OrdinalIgnoreCase);

    private static void CheckValues(EquatableArray<ValueMatch> values, ConfigCheck check, string field, Func<string, string?> name, Func<string, string?> value, StringComparison comparison)
    {
        for (var i = 0; i < values.Count; i++)
        {
            var one = values[i];
            check.Trail.Enter(field);
            check.Trail.Enter(i);
            if (one.Name.Length > 0 && name(one.Name) is { } right) check.Fault("name", Shown.NotValid(one.Name, right));
            if (one.Kind == ValueMatchKind.Exact && value(one.Value) is { } wanted) check.Fault("exact", Shown.NotValid(one.Value, wanted));
            if (Contradiction(values.AsSpan()[..i], one, comparison) is { } why) check.Fault(why);
            check.Trail.Leave();
            check.Trail.Leave();
        }
    }

    /// <summary>What can't be together with what stands before it.</summary>
    private static string? Contradiction(ReadOnlySpan<ValueMatch> before, ValueMatch one, StringComparison comparison)
    {
        foreach (var other in before)
        {
            if (!other.Name.Equals(one.Name, comparison)) continue;
            if (other.Kind == one.Kind && other.Value == one.Value) return $"{Shown.Value(one.Name)} stands there twice";
            if (other.Kind == ValueMatchKind.Absent || one.Kind == ValueMatchKind.Absent) return $"{Shown.Value(one.Name)} can't be absent and have a value";
            if (other.Kind == ValueMatchKind.Exact && one.Kind == ValueMatchKind.Exact) return $"{Shown.Value(one.Name)} can't have two values";
        }

        return null;
    }
}

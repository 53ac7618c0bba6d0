using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>What must hold within a virtual host.</summary>
internal static class VirtualHostRules
{
    public static void Check(VirtualHost host, ConfigCheck check)
    {
        if (host.Name.Length == 0) check.Fault("name", "is required, unless the first of its hosts is an exact name that can serve as one");
        if (host.Hosts.Count == 0) check.Fault("hosts", "is required: at least one host name, or * for any");
        Unique.Check(host.Hosts, static h => h, check, "hosts", null);
        Unique.Check(host.Routes, static r => r.Name, check, "routes", "name");
        RouteRules.CheckTwins(host.Routes, check);
    }
}

/// <summary>What must hold within a group.</summary>
internal static class UpstreamRules
{
    public static void Check(UpstreamGroup group, ConfigCheck check)
    {
        Unique.Check(group.Endpoints, static e => e.Name, check, "endpoints", "name");
        for (var i = 0; i < group.Endpoints.Count; i++)
        {
            if (group.Endpoints[i].Name.Length == 0) check.Fault($"endpoints[{i}].name", "is required; usually it is the address");
        }

        if (group.Endpoints.Count > 0 && group.Endpoints.All(e => e.Weight == 0)) check.Warn("endpoints", "all have weight 0: none gets anything");
    }
}

/// <summary>Names that must not come twice.</summary>
internal static class Unique
{
    /// <summary>Tells each that came before. What is empty is told elsewhere.</summary>
    /// <param name="list">The list's field; null when the trail is at it.</param>
    /// <param name="field">The name's field in an item; null when items are names.</param>
    public static void Check<T>(EquatableArray<T> items, Func<T, string> name, ConfigCheck check, string? list, string? field)
        where T : IEquatable<T>
    {
        if (items.Count < 2) return;
        Dictionary<string, int> first = new(items.Count, StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is null || name(items[i]) is not { Length: > 0 } text || first.TryAdd(text, i)) continue;
            if (list is not null) check.Trail.Enter(list);
            check.Trail.Enter(i);
            var message = $"{Shown.Value(text)} is the name of number {first[text] + 1} too: names are unique";
            if (field is null) check.Fault($"{Shown.Value(text)} stands there twice");
            else check.Fault(field, message);
            check.Trail.Leave();
            if (list is not null) check.Trail.Leave();
        }
    }
}

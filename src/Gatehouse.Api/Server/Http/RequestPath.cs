using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Http;

/// <summary>What a path under <c>/api</c> or <c>/apis</c> names.</summary>
/// <param name="Group">Empty for core; null for the list of groups.</param>
/// <param name="Version">Null for the group itself.</param>
/// <param name="Plural">Null for the list of resources.</param>
/// <param name="Name">Null for the collection.</param>
internal readonly record struct RequestPath(string? Group, string? Version, string? Namespace, string? Plural, string? Name, string? Subresource)
{
    /// <summary>Reads a decoded path; false when it has no such form.</summary>
    public static bool TryParse(string path, out RequestPath result)
    {
        result = default;
        var parts = path.Trim('/').Split('/');
        if (parts.Any(static p => p.Length == 0)) return false;
        if (parts[0] is not ("api" or "apis")) return false;
        var core = parts[0] == "api";
        // /api/VERSION/… and /apis/GROUP/VERSION/…: the rest has one form.
        var version = core ? 1 : 2;
        var group = core ? "" : parts.ElementAtOrDefault(1);
        result = new RequestPath(core && parts.Length == 1 ? null : group, parts.ElementAtOrDefault(version), null, null, null, null);
        return parts.Length <= version + 1 || ReadResource(parts.AsSpan(version + 1), ref result);
    }

    /// <summary>The kind that the path names, when it stands where its scope says.</summary>
    public KindInfo? FindKind(IReadOnlyList<KindInfo> kinds)
    {
        foreach (var kind in kinds)
        {
            if (kind.Group != Group || kind.Version != Version || kind.Plural != Plural) continue;
            var namespaced = kind.Scope == KindScope.Namespaced;
            // Collections of all namespaces exist, single objects without namespace do not.
            return namespaced == (Namespace is not null) || (namespaced && Name is null) ? kind : null;
        }

        return null;
    }

    private static bool ReadResource(ReadOnlySpan<string> parts, ref RequestPath result)
    {
        if (parts.Length >= 3 && parts[0] == "namespaces")
        {
            result = result with { Namespace = parts[1] };
            parts = parts[2..];
        }

        if (parts.Length > 3) return false;
        result = result with
        {
            Plural = parts[0],
            Name = parts.Length > 1 ? parts[1] : null,
            Subresource = parts.Length > 2 ? parts[2] : null,
        };
        return true;
    }
}

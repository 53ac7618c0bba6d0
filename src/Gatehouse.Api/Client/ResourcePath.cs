using System.Globalization;
using System.Text;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>Paths and queries of the Kubernetes API (reference/using-api/api-concepts, "Resource URIs").</summary>
internal static class ResourcePath
{
    /// <summary>One object, or a subresource of it.</summary>
    /// <exception cref="ApiStatusException">With <c>BadRequest</c>: the key can't stand in a path.</exception>
    public static string Object(KindInfo kind, ObjectKey key, string? subresource = null)
    {
        Require(IsSegment(key.Name), kind, $"the name '{key.Name}' is not a DNS subdomain");
        if (kind.Scope == KindScope.Namespaced) Require(key.Namespace is not null, kind, $"'{key.Name}' needs a namespace");
        var path = $"{Collection(kind, key.Namespace)}/{Uri.EscapeDataString(key.Name)}";
        return subresource is null ? path : $"{path}/{Uri.EscapeDataString(subresource)}";
    }

    /// <summary>All objects of a kind, of one namespace when given.</summary>
    public static string Collection(KindInfo kind, string? inNamespace)
    {
        var root = kind.Group.Length == 0 ? $"api/{kind.Version}" : $"apis/{kind.Group}/{kind.Version}";
        if (kind.Scope == KindScope.Cluster || inNamespace is null) return $"{root}/{kind.Plural}";
        Require(IsSegment(inNamespace), kind, $"the namespace '{inNamespace}' is not a DNS label");
        return $"{root}/namespaces/{Uri.EscapeDataString(inNamespace)}/{kind.Plural}";
    }

    /// <summary>One page of a list.</summary>
    public static string List(KindInfo kind, Selection selection, int limit, string? next)
    {
        var query = new StringBuilder(Collection(kind, selection.Namespace)).Append(CultureInfo.InvariantCulture, $"?limit={limit}");
        AppendSelectors(query, selection);
        if (next is not null) query.Append("&continue=").Append(Uri.EscapeDataString(next));
        return query.ToString();
    }

    /// <summary>A watch that the server ends after <paramref name="duration"/>.</summary>
    public static string Watch(KindInfo kind, Selection selection, string afterRevision, TimeSpan duration)
    {
        var query = new StringBuilder(Collection(kind, selection.Namespace))
            .Append(CultureInfo.InvariantCulture, $"?watch=true&allowWatchBookmarks=true&timeoutSeconds={(long)duration.TotalSeconds}&resourceVersion=")
            .Append(Uri.EscapeDataString(afterRevision));
        AppendSelectors(query, selection);
        return query.ToString();
    }

    private static void AppendSelectors(StringBuilder query, Selection selection)
    {
        if (selection.Labels is { } labels) query.Append("&labelSelector=").Append(Uri.EscapeDataString(labels));
        if (selection.Fields is { } fields) query.Append("&fieldSelector=").Append(Uri.EscapeDataString(fields));
    }

    /// <summary>Dots alone would climb in the path, and no escape prevents it (RFC 3986 §5.2.4).</summary>
    private static bool IsSegment(string name) => name.Length is > 0 and <= 253 && name.Trim('.').Length > 0;

    private static void Require(bool holds, KindInfo kind, string message)
    {
        if (holds) return;
        throw new ApiStatusException(new Status { Code = 400, Reason = StatusReason.BadRequest, Message = $"{kind.Plural}: {message}" });
    }
}

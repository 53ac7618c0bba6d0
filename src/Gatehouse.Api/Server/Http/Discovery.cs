using System.Text.Json.Nodes;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Http;

/// <summary>What there is: groups, versions, resources, in the form that clients ask first (meta/v1 APIVersions, APIGroupList, APIGroup, APIResourceList).</summary>
internal sealed class Discovery
{
    private static readonly string[] Verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
    private static readonly string[] StatusVerbs = ["get", "patch", "update"];

    private readonly Dictionary<string, byte[]> _documents = new(StringComparer.Ordinal);

    public Discovery(IReadOnlyList<KindInfo> kinds)
    {
        var groups = kinds.Where(static k => k.Group.Length > 0).GroupBy(static k => k.Group).ToList();
        Add("/api", new JsonObject
        {
            ["kind"] = "APIVersions",
            ["versions"] = new JsonArray("v1"),
            ["serverAddressByClientCIDRs"] = new JsonArray(),
        });
        Add("/api/v1", Resources("v1", [.. kinds.Where(static k => k.Group.Length == 0)]));
        Add("/apis", new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. groups.Select(static g => Group(g, full: false))]) });
        foreach (var group in groups)
        {
            Add($"/apis/{group.Key}", Group(group, full: true));
            foreach (var version in group.GroupBy(static k => k.Version)) Add($"/apis/{group.Key}/{version.Key}", Resources($"{group.Key}/{version.Key}", [.. version]));
        }
    }

    /// <summary>The document at a path without slash at the end; null when there is none.</summary>
    public byte[]? Find(string path) => _documents.GetValueOrDefault(path);

    private void Add(string path, JsonObject document) => _documents[path] = System.Text.Encoding.UTF8.GetBytes(document.ToJsonString());

    private static JsonObject Group(IGrouping<string, KindInfo> group, bool full)
    {
        var versions = group.Select(static k => k.Version).Distinct()
            .Select(v => new JsonObject { ["groupVersion"] = $"{group.Key}/{v}", ["version"] = v }).ToArray<JsonNode?>();
        var document = new JsonObject();
        if (full) (document["kind"], document["apiVersion"]) = ("APIGroup", "v1");
        document["name"] = group.Key;
        document["preferredVersion"] = versions[0]!.DeepClone();
        document["versions"] = new JsonArray(versions);
        return document;
    }

    private static JsonObject Resources(string groupVersion, IReadOnlyList<KindInfo> kinds) => new()
    {
        ["kind"] = "APIResourceList",
        ["apiVersion"] = "v1",
        ["groupVersion"] = groupVersion,
        ["resources"] = new JsonArray([.. kinds.SelectMany(static k => k.HasStatus ? (JsonNode[])[Resource(k, null), Resource(k, "status")] : [Resource(k, null)])]),
    };

    private static JsonObject Resource(KindInfo kind, string? subresource)
    {
        var resource = new JsonObject
        {
            ["name"] = subresource is null ? kind.Plural : $"{kind.Plural}/{subresource}",
            ["singularName"] = subresource is null ? kind.Singular : "",
            ["namespaced"] = kind.Scope == KindScope.Namespaced,
            ["kind"] = kind.Kind,
            ["verbs"] = new JsonArray([.. (subresource is null ? Verbs : StatusVerbs).Select(static v => (JsonNode)v)]),
        };
        if (subresource is null && kind.ShortNames.Count > 0) resource["shortNames"] = new JsonArray([.. kind.ShortNames.Select(static n => (JsonNode)n)]);
        return resource;
    }
}

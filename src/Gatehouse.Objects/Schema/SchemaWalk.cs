using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Gatehouse.Objects.Schema;

/// <summary>
/// Compares JSON with the record that it is to become, by the record's source-generated description: every value of a wrong type, not just the first
/// one that a deserialiser trips over.
/// </summary>
internal sealed class SchemaWalk
{
    private readonly JsonSerializerOptions _options;
    private readonly List<Fault> _faults = [];

    private SchemaWalk(JsonSerializerOptions options) => _options = options;

    /// <summary>Every type fault of an object; the faulty values are taken out of it, so that what stays can be read.</summary>
    public static IReadOnlyList<Fault> TakeFaults(JsonObject json, JsonTypeInfo type)
    {
        var walk = new SchemaWalk(type.Options);
        walk.VisitObject(json, type, "");
        return walk._faults;
    }

    /// <summary>Removes members that are null, which mean the same as absent ones; free JSON inside is left alone.</summary>
    public static void DropNulls(JsonNode? node, JsonTypeInfo type)
    {
        switch (node)
        {
            case JsonObject members when type.Kind is JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary:
                List<string>? nulls = null;
                foreach (var (name, value) in members)
                {
                    if (value is null) (nulls ??= []).Add(name);
                    else if (MemberType(type, name) is { } memberType) DropNulls(value, memberType);
                }

                nulls?.ForEach(n => members.Remove(n));
                break;
            case JsonArray items when type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element }:
                foreach (var item in items) DropNulls(item, type.Options.GetTypeInfo(element));
                break;
            default: break;
        }
    }

    private static JsonTypeInfo? MemberType(JsonTypeInfo type, string name)
    {
        if (type.Kind == JsonTypeInfoKind.Dictionary) return type.ElementType is { } element ? type.Options.GetTypeInfo(element) : null;
        foreach (var property in type.Properties)
        {
            if (property.Name == name) return type.Options.GetTypeInfo(property.PropertyType);
        }

        return null;
    }

    /// <summary>Whether the value may stay.</summary>
    private bool Visit(JsonNode? node, Type type, string path)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonElement) || type == typeof(JsonElement?)) return true;
        var info = _options.GetTypeInfo(type);
        return info.Kind switch
        {
            JsonTypeInfoKind.Object => node is JsonObject members ? VisitObject(members, info, path) : Refuse(path, node, "must be an object"),
            JsonTypeInfoKind.Dictionary => node is JsonObject entries ? VisitEntries(entries, info, path) : Refuse(path, node, "must be an object"),
            JsonTypeInfoKind.Enumerable => node is JsonArray items ? VisitItems(items, info, path) : Refuse(path, node, "must be a list"),
            _ => LeafRules.Refusal(node, info) is { } rule ? Refuse(path, node, rule) : true,
        };
    }

    private bool VisitObject(JsonObject members, JsonTypeInfo info, string path)
    {
        foreach (var property in info.Properties)
        {
            if (property.Set is null && property.AssociatedParameter is null) continue;
            if (members.TryGetPropertyValue(property.Name, out var value) && value is not null
                && !Visit(value, property.PropertyType, path.Length == 0 ? property.Name : $"{path}.{property.Name}")) members.Remove(property.Name);
        }

        return true;
    }

    private bool VisitEntries(JsonObject entries, JsonTypeInfo info, string path)
    {
        foreach (var (key, value) in entries.ToArray())
        {
            if (info.ElementType is { } element && !Visit(value, element, $"{path}[{key}]")) entries.Remove(key);
        }

        return true;
    }

    private bool VisitItems(JsonArray items, JsonTypeInfo info, string path)
    {
        var stays = true;
        for (var i = 0; i < items.Count; i++) stays &= info.ElementType is not { } element || Visit(items[i], element, $"{path}[{i}]");
        // A list with a faulty item goes as a whole: without the item, the rules would speak of other indexes.
        return stays;
    }

    private bool Refuse(string path, JsonNode? node, string rule)
    {
        var text = node?.ToJsonString() ?? "null";
        _faults.Add(new Fault(path, text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "…"), rule));
        return false;
    }
}

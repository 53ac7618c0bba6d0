using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Objects;

namespace Gatehouse.Input;

/// <summary>Finds fields that a kind does not have: a misspelt field would otherwise be dropped in silence.</summary>
internal static class FieldNames
{
    public static IEnumerable<string> Unknown(KindInfo kind, JsonObject value) => kind.Accept(new Walk(value));

    private sealed class Walk(JsonObject value) : IKindVisitor<IEnumerable<string>>
    {
        public IEnumerable<string> Visit<T>(KindInfo<T> kind)
            where T : ApiObject, IKind<T> => In(kind.Json, value, "");
    }

    private static IEnumerable<string> In(JsonTypeInfo type, JsonNode? node, string path) => (type.Kind, node) switch
    {
        (JsonTypeInfoKind.Object, JsonObject map) => map.SelectMany(f => InField(type, f.Key, f.Value, path)),
        (JsonTypeInfoKind.Enumerable, JsonArray list) when Of(type, type.ElementType) is { } element =>
            list.SelectMany((item, i) => In(element, item, $"{path}[{i}]")),
        _ => [],
    };

    private static IEnumerable<string> InField(JsonTypeInfo type, string name, JsonNode? value, string path)
    {
        var full = path.Length == 0 ? name : $"{path}.{name}";
        var property = type.Properties.FirstOrDefault(p => p.Name == name);
        if (property is null) return [$"{full}: is not known; there are: {string.Join(", ", type.Properties.Select(p => p.Name))}"];
        return Of(type, property.PropertyType) is { } inner ? In(inner, value, full) : [];
    }

    private static JsonTypeInfo? Of(JsonTypeInfo type, Type? inner) => inner is null ? null : type.OriginatingResolver?.GetTypeInfo(inner, type.Options);
}

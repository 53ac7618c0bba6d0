using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Gatehouse.Objects.Schema;

/// <summary>A field that a kind does not have.</summary>
/// <param name="Path">Dotted, from the object's root.</param>
/// <param name="Known">The fields that there are in its place.</param>
public readonly record struct UnknownField(string Path, IReadOnlyList<string> Known);

/// <summary>Finds fields that a kind does not have: a misspelt one would otherwise do nothing, in silence.</summary>
public static class UnknownFields
{
    /// <summary>What other API servers write into metadata; clients send it back as they got it.</summary>
    private static readonly string[] ForeignMetadata = ["metadata.managedFields", "metadata.selfLink", "metadata.deletionGracePeriodSeconds"];

    /// <summary>The unknown fields of an object or of a merge patch; one that is null takes nothing in and counts as absent.</summary>
    public static IEnumerable<UnknownField> Find(KindInfo kind, JsonObject value) => kind.Accept(new Walk(value)).Where(static f => !ForeignMetadata.Contains(f.Path, StringComparer.Ordinal));

    private sealed class Walk(JsonObject value) : IKindVisitor<IEnumerable<UnknownField>>
    {
        public IEnumerable<UnknownField> Visit<T>(KindInfo<T> kind)
            where T : ApiObject, IKind<T> => In(kind.Json, value, "");
    }

    private static IEnumerable<UnknownField> In(JsonTypeInfo type, JsonNode? node, string path) => (type.Kind, node) switch
    {
        (JsonTypeInfoKind.Object, JsonObject map) => map.Where(static f => f.Value is not null).SelectMany(f => InField(type, f.Key, f.Value, path)),
        (JsonTypeInfoKind.Enumerable, JsonArray list) when Of(type, type.ElementType) is { } element =>
            list.SelectMany((item, i) => In(element, item, $"{path}[{i}]")),
        _ => [],
    };

    private static IEnumerable<UnknownField> InField(JsonTypeInfo type, string name, JsonNode? value, string path)
    {
        var full = path.Length == 0 ? name : $"{path}.{name}";
        var property = type.Properties.FirstOrDefault(p => p.Name == name);
        if (property is null) return [new UnknownField(full, [.. type.Properties.Select(p => p.Name)])];
        return Of(type, property.PropertyType) is { } inner ? In(inner, value, full) : [];
    }

    // From the options, which keep what they made; a resolver makes it anew each time.
    private static JsonTypeInfo? Of(JsonTypeInfo type, Type? inner) => inner is not null && type.Options.TryGetTypeInfo(inner, out var info) ? info : null;
}

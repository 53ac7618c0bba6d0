using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Gatehouse.Objects.Schema;

/// <summary>What values of scalar types must look like.</summary>
internal static class LeafRules
{
    // As many entries as there are enumerations among the kinds.
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<string>> EnumNames = new();

    /// <summary>Null when the value fits the type; otherwise what would be right.</summary>
    public static string? Refusal(JsonNode? node, JsonTypeInfo info)
    {
        if (node is not JsonValue value) return $"must be {Noun(info.Type)}";
        if (info.Type.IsEnum)
        {
            var names = EnumNames.GetOrAdd(info.Type, static (_, i) => NamesOf(i), info);
            return value.TryGetValue<string>(out var name) && names.Contains(name, StringComparer.Ordinal) ? null : $"must be one of {string.Join(", ", names)}";
        }

        return Fits(value, info.Type) ? null : $"must be {Noun(info.Type)}";
    }

    private static bool Fits(JsonValue value, Type type)
    {
        var element = ElementOf(value);
        if (type == typeof(string)) return element.ValueKind == JsonValueKind.String;
        if (type == typeof(bool)) return element.ValueKind is JsonValueKind.True or JsonValueKind.False;
        if (type == typeof(int)) return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out _);
        if (type == typeof(long)) return element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out _);
        if (type == typeof(double)) return element.ValueKind == JsonValueKind.Number;
        if (type == typeof(DateTimeOffset)) return element.ValueKind == JsonValueKind.String && element.TryGetDateTimeOffset(out _);
        return true; // another scalar: the deserialiser has the word
    }

    /// <summary>As it would be on the wire: a node made in code (<c>node["a"] = 1</c>) remembers a .NET type and answers to no other.</summary>
    internal static JsonElement ElementOf(JsonValue value)
    {
        if (value.TryGetValue<JsonElement>(out var element)) return element;
        using var document = JsonDocument.Parse(value.ToJsonString());
        return document.RootElement.Clone();
    }

    private static string Noun(Type type)
    {
        if (type == typeof(string)) return "a string";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int)) return $"a whole number between {int.MinValue} and {int.MaxValue}";
        if (type == typeof(long)) return "a whole number of 64 bits";
        if (type == typeof(double)) return "a number";
        if (type == typeof(DateTimeOffset)) return "a time (RFC 3339, for example 2026-01-31T12:00:00Z)";
        return $"a {type.Name}";
    }

    /// <summary>The names as JSON has them, which attributes may have changed.</summary>
    private static List<string> NamesOf(JsonTypeInfo info)
    {
        List<string> names = [];
        foreach (var number in Enum.GetValuesAsUnderlyingType(info.Type))
        {
            if (JsonSerializer.SerializeToNode(Enum.ToObject(info.Type, number), info) is JsonValue name) names.Add(name.GetValue<string>());
        }

        return names;
    }
}

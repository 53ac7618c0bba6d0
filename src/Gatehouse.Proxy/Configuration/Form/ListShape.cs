using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>A list. One item may be written without the brackets, where it is no mapping.</summary>
/// <param name="most">Items.</param>
/// <param name="lone">Whether one item may stand alone.</param>
/// <param name="pair">Makes an item of <c>key: text</c>, for lists that may be written as a mapping. Null: this one may not.</param>
internal sealed class ListShape<T>(Shape<T> item, int most, bool lone = true, Func<string, string, T>? pair = null) : Shape<EquatableArray<T>>
    where T : IEquatable<T>
{
    private static readonly TextShape PairText = new("text", _ => null, canBeEmpty: true);

    public override EquatableArray<T> Placeholder => [];

    public override string Words => "a list: " + item.Words;

    /// <inheritdoc/>
    public override bool TryRead(YamlNode node, YamlReading reading, out EquatableArray<T> value)
    {
        value = [];
        if (!reading.Visit(node)) return false;
        if (node.Kind == YamlKind.Mapping && pair is not null) return TryReadPairs(node, pair, reading, out value);
        if (node.Kind != YamlKind.Sequence) return TryReadOne(node, reading, ref value);
        List<T> items = [];
        var complete = true;
        foreach (var child in node.Children)
        {
            reading.Enter(items.Count, child);
            complete &= item.TryRead(child, reading, out var one);
            reading.Leave();
            items.Add(one);
        }

        value = [.. items];
        return complete;
    }

    /// <inheritdoc/>
    public override void Check(EquatableArray<T> value, ConfigCheck check)
    {
        if (value.Count > most) check.Fault(string.Create(CultureInfo.InvariantCulture, $"has {value.Count:N0} entries: at most {most:N0}"));
        for (var i = 0; i < value.Count; i++)
        {
            check.Trail.Enter(i);
            if (value[i] is null) check.Fault("is null");
            else if (!check.IsKnown(value[i])) item.Check(value[i], check);
            check.Trail.Leave();
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, EquatableArray<T> value)
    {
        json.WriteStartArray();
        foreach (var one in value) item.Write(json, one);
        json.WriteEndArray();
    }

    /// <inheritdoc/>
    public override EquatableArray<T> Read(ref Utf8JsonReader json, JsonState state)
    {
        if (json.TokenType != JsonTokenType.StartArray) throw new FormatException($"{json.TokenType} stands where a list should");
        json.Read();
        if (json.TokenType == JsonTokenType.EndArray) return [];
        var first = item.Read(ref json, state);
        json.Read();
        if (json.TokenType == JsonTokenType.EndArray) return [first];
        List<T> items = [first];
        for (; json.TokenType != JsonTokenType.EndArray; json.Read()) items.Add(item.Read(ref json, state));
        return new EquatableArray<T>([.. items]);
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        JsonObject list = new() { ["type"] = "array", ["items"] = item.Schema(parts), ["maxItems"] = most };
        if (pair is not null) return new JsonObject { ["anyOf"] = new JsonArray(list, new JsonObject { ["type"] = "object", ["additionalProperties"] = new JsonObject { ["type"] = "string" } }) };
        return lone && item.TakesText ? new JsonObject { ["anyOf"] = new JsonArray(list, item.Schema(parts)) } : list;
    }

    /// <inheritdoc/>
    public override string? Show(EquatableArray<T> value) => value.Count == 0 ? null : string.Join(", ", value.Select(item.Show));

    private bool TryReadOne(YamlNode node, YamlReading reading, ref EquatableArray<T> value)
    {
        if (!lone || !item.TakesText || node.Kind == YamlKind.Mapping)
        {
            reading.Fault(node, node is { Kind: YamlKind.Scalar, Text.Length: 0 } ? "has no value: leave the key away, or write []" : $"{node.KindText} stands here; right would be a list");
            return false;
        }

        reading.Enter(0, node);
        var right = item.TryRead(node, reading, out var one);
        reading.Leave();
        value = [one];
        return right;
    }

    private static bool TryReadPairs(YamlNode node, Func<string, string, T> make, YamlReading reading, out EquatableArray<T> value)
    {
        List<T> items = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        var complete = true;
        foreach (var (key, text) in node.Pairs)
        {
            reading.Enter(items.Count, key);
            if (key.Kind != YamlKind.Scalar) reading.Fault(key, $"{key.KindText} stands where a name should");
            else if (!names.Add(key.Text)) reading.Fault(key, $"{Shown.Value(key.Text)} stands here twice");
            complete &= PairText.TryRead(text, reading, out var content);
            reading.Leave();
            items.Add(make(key.Kind == YamlKind.Scalar ? key.Text : "", content));
        }

        value = [.. items];
        return complete;
    }
}

/// <summary>A value that may be null; then its field is missing.</summary>
internal sealed class NullableShape<T>(Shape<T> shape) : Shape<T?>
    where T : struct
{
    public override T? Placeholder => null;

    public override string Words => shape.Words;

    /// <inheritdoc/>
    public override bool TryRead(YamlNode node, YamlReading reading, out T? value)
    {
        var right = shape.TryRead(node, reading, out var some);
        value = right ? some : null;
        return right;
    }

    /// <inheritdoc/>
    public override void Check(T? value, ConfigCheck check)
    {
        if (value is { } some) shape.Check(some, check);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, T? value) => shape.Write(json, value!.Value);

    /// <inheritdoc/>
    public override T? Read(ref Utf8JsonReader json, JsonState state) => shape.Read(ref json, state);

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => shape.Schema(parts);

    /// <inheritdoc/>
    public override string? Show(T? value) => value is { } some ? shape.Show(some) : null;
}

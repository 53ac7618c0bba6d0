using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>An object of the model: its keys, how it is made of their values, and what must hold between them.</summary>
internal sealed class ObjectShape<T> : Shape<T>
    where T : class
{
    private readonly Field<T>[] _fields;
    private readonly Func<object?[], T> _make;

    /// <param name="name">Its name in the schema.</param>
    /// <param name="fields">In the order in which they are written.</param>
    public ObjectShape(string name, string description, Field<T>[] fields, Func<object?[], T> make)
    {
        (Name, Description, _fields, _make) = (name, description, fields, make);
        var slot = 0;
        foreach (var field in fields.Where(f => f.Stored)) field.Slot = slot++;
        foreach (var field in fields.OfType<OtherField<T>>()) field.Slot = field.Target.Slot;
        if (slot > ObjectLimits.MostFields) throw new ArgumentException($"{name} has {slot} fields", nameof(fields));
    }

    public string Name { get; }

    public string Description { get; }

    public IReadOnlyList<Field<T>> Fields => _fields;

    /// <summary>What must hold between the fields. Null: nothing.</summary>
    public Action<T, ConfigCheck>? Rule { get; init; }

    /// <summary>Makes the object of one text. Null: it is always a mapping.</summary>
    public ShortForm<T>? Short { get; init; }

    public override T Placeholder => _make(new object?[ObjectLimits.MostFields]);

    public override bool TakesText => Short is not null;

    public override string Words => Short is null ? $"a mapping: {Name}" : $"{Short.Words}, or a mapping: {Name}";

    /// <inheritdoc/>
    public override bool TryRead(YamlNode node, YamlReading reading, out T value)
    {
        if (Short is not null && node.Kind != YamlKind.Mapping) return Short.TryRead(node, reading, out value);
        value = Placeholder;
        if (!reading.Visit(node)) return false;
        if (node.Kind != YamlKind.Mapping)
        {
            reading.Fault(node, node.Kind == YamlKind.LostAlias ? PlainScalar.LostAlias(node.Text)
                : node is { Kind: YamlKind.Scalar, Text.Length: 0 } ? "has no value: leave the key away, or write {}"
                : $"{node.KindText} stands here; right would be a mapping with {Shown.Choice(Keys())}");
            return false;
        }

        var values = new object?[ObjectLimits.MostFields];
        Dictionary<string, Field<T>> written = new(StringComparer.Ordinal);
        foreach (var (key, content) in node.Pairs) ReadField(key, content, reading, values, written);
        foreach (var field in _fields)
        {
            if (field.Required && !written.ContainsKey(Key(field))) reading.Fault(node, field.Name, "is required: " + field.Words);
        }

        value = _make(values);
        return true;
    }

    /// <inheritdoc/>
    public override void Check(T value, ConfigCheck check)
    {
        foreach (var field in _fields) field.Check(value, check);
        Rule?.Invoke(value, check);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, T value)
    {
        json.WriteStartObject();
        WriteFields(json, value);
        json.WriteEndObject();
    }

    /// <summary>The fields without the braces.</summary>
    public void WriteFields(Utf8JsonWriter json, T value)
    {
        foreach (var field in _fields) field.Write(json, value);
    }

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader json, JsonState state)
    {
        if (json.TokenType != JsonTokenType.StartObject) throw new FormatException($"{json.TokenType} stands where {Name} should");
        json.Read();
        return ReadFields(ref json, state);
    }

    /// <summary>The fields up to the closing brace; the reader stands on the first of them.</summary>
    public T ReadFields(ref Utf8JsonReader json, JsonState state)
    {
        var values = state.Rent();
        var expected = 0;
        for (; json.TokenType == JsonTokenType.PropertyName; json.Read())
        {
            var field = Find(ref json, ref expected) ?? throw new FormatException($"{Name} has no field {Shown.Value(json.GetString()!)}");
            json.Read();
            field.Read(ref json, state, values);
        }

        var value = _make(values);
        state.Return(values);
        return value;
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        var reference = parts.Refer(Name, () => Definition(parts));
        return Short is null ? reference : new JsonObject { ["anyOf"] = new JsonArray(Short.Schema(parts), reference) };
    }

    /// <summary>The schema itself and no reference to it.</summary>
    public JsonObject Definition(SchemaParts parts)
    {
        parts.Tables.Add((Name, Description, [.. _fields.Select(f => new ReferenceRow(f.Synonym is null ? f.Name : $"{f.Name}, {f.Synonym}", f.Words, f.Standard, f.Required, f.Description))]));
        JsonObject properties = [];
        foreach (var field in _fields)
        {
            foreach (var name in Names(field)) properties[name] = field.Schema(parts);
        }

        JsonObject schema = new() { ["description"] = Description, ["type"] = "object", ["additionalProperties"] = false, ["properties"] = properties };
        var ways = _fields.GroupBy(Key).Select(g => (Required: g.Any(f => f.Required), Names: g.SelectMany(Names).ToArray())).ToList();
        var required = ways.Where(w => w is { Required: true, Names.Length: 1 }).Select(w => (JsonNode)w.Names[0]).ToArray();
        if (required.Length > 0) schema["required"] = new JsonArray(required);
        // Of several ways to write one thing at most one is used, and exactly one where the thing is required.
        var one = ways.Where(w => w is { Required: true, Names.Length: > 1 }).Select(w => (JsonNode)new JsonObject { ["oneOf"] = new JsonArray([.. w.Names.Select(n => Having(n))]) }).ToArray();
        if (one.Length > 0) schema["allOf"] = new JsonArray(one);
        var both = ways.Where(w => !w.Required).SelectMany(w => w.Names.SelectMany((a, i) => w.Names.Skip(i + 1).Select(b => (JsonNode)Having(a, b)))).ToArray();
        if (both.Length > 0) schema["not"] = new JsonObject { ["anyOf"] = new JsonArray(both) };
        return schema;
    }

    /// <inheritdoc/>
    public override string? Show(T value) => null;

    private static JsonObject Having(params string[] names) => new() { ["required"] = new JsonArray([.. names.Select(n => (JsonNode)n)]) };

    private static string[] Names(Field<T> field) => field.Synonym is null ? [field.Name] : [field.Name, field.Synonym];

    private static string Key(Field<T> field) => field.Group ?? field.Name;

    private string[] Keys() => [.. _fields.Select(f => f.Name)];

    private void ReadField(YamlNode key, YamlNode content, YamlReading reading, object?[] values, Dictionary<string, Field<T>> written)
    {
        if (key.Kind != YamlKind.Scalar)
        {
            reading.Fault(key, $"{key.KindText} stands where a key should");
            return;
        }

        var field = Array.Find(_fields, f => f.Name == key.Text || f.Synonym == key.Text);
        if (field is null)
        {
            var all = _fields.SelectMany(Names).ToList();
            reading.Fault(key, key.Text.Length > 64 ? "" : key.Text, Unknown(key.Text, all));
            return;
        }

        if (!written.TryAdd(Key(field), field))
        {
            var first = written[Key(field)];
            reading.Fault(key, key.Text, first == field ? "stands here twice" : $"stands here besides {first.Name}: only one of {Shown.Choice([.. _fields.Where(f => Key(f) == Key(field)).Select(f => f.Name)])}");
            return;
        }

        field.Read(content, reading, values);
    }

    private static string Unknown(string key, List<string> all) =>
        key == "<<" ? "merging with << is no part of YAML 1.2: write the keys, or put the whole under an anchor"
        : Nearest.To(key, all) is { } near ? $"is not known; did you mean '{near}'?"
        : $"is not known; there are {string.Join(", ", all)}";

    /// <summary>Fields come in the order in which they were written: the next one is mostly the one after the last.</summary>
    private Field<T>? Find(ref Utf8JsonReader json, ref int expected)
    {
        for (var i = 0; i < _fields.Length; i++)
        {
            var at = (expected + i) % _fields.Length;
            if (!_fields[at].Stored || !json.ValueTextEquals(_fields[at].Utf8Name)) continue;
            expected = at + 1;
            return _fields[at];
        }

        return null;
    }
}

/// <summary>An object written as one text.</summary>
internal abstract class ShortForm<T>
{
    public abstract string Words { get; }

    public abstract bool TryRead(YamlNode node, YamlReading reading, out T value);

    public abstract JsonObject Schema(SchemaParts parts);
}

/// <summary>An object made of one of its values.</summary>
internal sealed class ShortForm<T, TValue>(string field, Shape<TValue> shape, Func<TValue, T> make) : ShortForm<T>
{
    public override string Words => shape.Words;

    /// <inheritdoc/>
    public override bool TryRead(YamlNode node, YamlReading reading, out T value)
    {
        reading.Enter(field, node);
        var right = shape.TryRead(node, reading, out var content);
        reading.Leave();
        value = make(content);
        return right;
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => shape.Schema(parts);
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>A key of an object.</summary>
internal abstract class Field<TOwner>(string name, string description)
{
    /// <summary>The key; in paths too.</summary>
    public string Name => name;

    public byte[] Utf8Name { get; } = Encoding.UTF8.GetBytes(name);

    /// <summary>For the schema and the reference: what it is; what it is without being written.</summary>
    public string Description => description;

    /// <summary>Another key for the same, as the model calls it.</summary>
    public string? Synonym { get; init; }

    /// <summary>Of all fields with the same word here, one at most is written.</summary>
    public string? Group { get; init; }

    /// <summary>Whether a person must write it.</summary>
    public bool Required { get; init; }

    /// <summary>Its place among an object's values. A field that is another way to write one has that one's.</summary>
    public int Slot { get; set; }

    /// <summary>Whether snapshots have it; what is only another way to write something is not in them.</summary>
    public virtual bool Stored => true;

    /// <summary>For the reference.</summary>
    public abstract string Words { get; }

    /// <summary>What it is without being written. Null: nothing, or the description says it.</summary>
    public abstract string? Standard { get; }

    public abstract void Read(YamlNode node, YamlReading reading, object?[] values);

    public abstract void Read(ref Utf8JsonReader json, JsonState state, object?[] values);

    public abstract void Check(TOwner owner, ConfigCheck check);

    public abstract void Write(Utf8JsonWriter json, TOwner owner);

    public abstract JsonObject Schema(SchemaParts parts);
}

/// <summary>A key whose value has a shape.</summary>
/// <param name="get">The value in the model.</param>
/// <param name="standard">What it is without being written.</param>
internal sealed class Field<TOwner, T>(string name, Shape<T> shape, Func<TOwner, T> get, T standard, string description) : Field<TOwner>(name, description)
{
    public Shape<T> Shape => shape;

    public override string Words => shape.Words;

    public override string? Standard => Required || standard is null ? null : shape.Show(standard);

    /// <summary>The value that was read, or what it is without being written.</summary>
    public T From(object?[] values) => values[Slot] is { } value ? (T)value : standard;

    /// <inheritdoc/>
    public override void Read(YamlNode node, YamlReading reading, object?[] values)
    {
        reading.Enter(Name, node);
        if (shape.TryRead(node, reading, out var value) || shape.StandsIn) values[Slot] = value;
        reading.Leave();
    }

    /// <inheritdoc/>
    public override void Read(ref Utf8JsonReader json, JsonState state, object?[] values) => values[Slot] = shape.Read(ref json, state);

    /// <inheritdoc/>
    public override void Check(TOwner owner, ConfigCheck check)
    {
        var value = get(owner);
        if (!Required && (value is null || EqualityComparer<T>.Default.Equals(value, standard))) return;
        check.Trail.Enter(Name);
        shape.Check(value, check);
        check.Trail.Leave();
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, TOwner owner)
    {
        var value = get(owner);
        if (value is null || (!Required && EqualityComparer<T>.Default.Equals(value, standard))) return;
        json.WritePropertyName(Utf8Name);
        shape.Write(json, value);
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        var schema = shape.Schema(parts);
        // Beside a reference draft 7 ignores all else.
        if (schema.ContainsKey("$ref")) schema = new JsonObject { ["allOf"] = new JsonArray(schema) };
        schema["description"] = Standard is { } text ? $"{Description} Default: {text}." : Description;
        return schema;
    }
}

/// <summary>A key that is another way to write a field: the value comes from a file, or from less text.</summary>
/// <param name="target">The field that it writes.</param>
/// <param name="read">Reads the value, or tells a fault and returns null.</param>
/// <param name="inside">More steps to what is written, for messages about it.</param>
internal sealed class OtherField<TOwner>(string name, Field<TOwner> target, Func<YamlNode, YamlReading, object?> read, string words, JsonObject schema, string description, params string[] inside) : Field<TOwner>(name, description)
{
    public Field<TOwner> Target => target;

    public override bool Stored => false;

    public override string Words => words;

    public override string? Standard => null;

    /// <inheritdoc/>
    public override void Read(YamlNode node, YamlReading reading, object?[] values)
    {
        reading.Enter(target.Name, node);
        foreach (var step in inside)
        {
            if (step.Length == 0) reading.Enter(0, node);
            else reading.Enter(step, node);
        }

        if (read(node, reading) is { } value) values[Slot] = value;
        for (var i = 0; i <= inside.Length; i++) reading.Leave();
    }

    /// <inheritdoc/>
    public override void Read(ref Utf8JsonReader json, JsonState state, object?[] values) => throw new FormatException($"{Name} is not stored");

    /// <inheritdoc/>
    public override void Check(TOwner owner, ConfigCheck check)
    {
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, TOwner owner)
    {
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        var copy = schema.DeepClone().AsObject();
        copy["description"] = Description;
        return copy;
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>
/// A kind of value: how a person writes it, how a snapshot holds it, what is right, and how an editor is told. All that reads, writes or describes a configuration goes by these, so that
/// none of it can differ from the rest.
/// </summary>
internal abstract class Shape<T>
{
    /// <summary>Stands where a value was wrong, so that others keep their places.</summary>
    public abstract T Placeholder { get; }

    /// <summary>For the reference: what can be written.</summary>
    public abstract string Words { get; }

    /// <summary>Whether it can be written as one text, and so as a list of one without brackets.</summary>
    public virtual bool TakesText => false;

    /// <summary>Whether the <see cref="Placeholder"/> stands where a value was wrong. If not, what is without being written stands there: a number must fit with others.</summary>
    public virtual bool StandsIn => true;

    /// <summary>Reads what a person wrote; what is wrong goes to the reading.</summary>
    /// <returns>Whether there is a value.</returns>
    public abstract bool TryRead(YamlNode node, YamlReading reading, out T value);

    /// <summary>Looks whether a value is right, wherever it came from.</summary>
    public virtual void Check(T value, ConfigCheck check)
    {
    }

    /// <summary>Writes it into a snapshot, always in the same way.</summary>
    public abstract void Write(Utf8JsonWriter json, T value);

    /// <summary>Reads what <see cref="Write"/> wrote; the reader stands on the value's first token and then on its last.</summary>
    /// <exception cref="FormatException">It wrote something else.</exception>
    /// <exception cref="InvalidOperationException">The token is of another kind.</exception>
    public abstract T Read(ref Utf8JsonReader json, JsonState state);

    /// <summary>The JSON schema of what a person may write.</summary>
    public abstract JsonObject Schema(SchemaParts parts);

    /// <summary>How a default is shown. Null: not at all.</summary>
    public virtual string? Show(T value) => value?.ToString();
}

/// <summary>A key as the reference lists it.</summary>
/// <param name="Key">With its synonym.</param>
/// <param name="Standard">Null: it must be written, or the meaning says what is without it.</param>
internal sealed record ReferenceRow(string Key, string Words, string? Standard, bool Required, string Meaning);

/// <summary>The definitions that a schema refers to.</summary>
internal sealed class SchemaParts
{
    /// <summary>For the reference: each object with its keys.</summary>
    public List<(string Name, string Description, IReadOnlyList<ReferenceRow> Rows)> Tables { get; } = [];

    public JsonObject Definitions { get; } = [];

    /// <summary>A reference to a definition, which is made when it is asked for the first time.</summary>
    public JsonObject Refer(string name, Func<JsonObject> make)
    {
        if (!Definitions.ContainsKey(name))
        {
            Definitions[name] = null; // What refers to itself finds it.
            Definitions[name] = make();
        }

        return new JsonObject { ["$ref"] = $"#/definitions/{name}" };
    }
}

/// <summary>What the reading of one JSON text keeps: room for fields, and texts that came before.</summary>
internal sealed class JsonState
{
    private const int Pool = 4_096;
    private const int LongestPooled = 64;

    private readonly string?[] _texts = new string?[Pool];
    private readonly List<object?[]> _room = [];
    private int _depth;

    /// <summary>Room for an object's fields, empty. Given back with <see cref="Return"/> in the opposite order.</summary>
    public object?[] Rent()
    {
        if (_room.Count == _depth) _room.Add(new object?[ObjectLimits.MostFields]);
        return _room[_depth++];
    }

    public void Return(object?[] room)
    {
        Array.Clear(room);
        _depth--;
    }

    /// <summary>The text of the token; the same object for the same text, mostly: names come again where they are referred to.</summary>
    public string Text(ref Utf8JsonReader json)
    {
        if (json.HasValueSequence || json.ValueIsEscaped || json.ValueSpan.Length is 0 or > LongestPooled) return json.GetString()!;
        var hash = default(HashCode);
        hash.AddBytes(json.ValueSpan);
        ref var place = ref _texts[hash.ToHashCode() & (Pool - 1)];
        if (place is null || !json.ValueTextEquals(place)) place = json.GetString()!;
        return place;
    }
}

/// <summary>What holds for all objects of a configuration.</summary>
internal static class ObjectLimits
{
    public const int MostFields = 32;
}

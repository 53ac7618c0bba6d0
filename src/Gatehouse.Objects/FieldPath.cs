using System.Text.Json;

namespace Gatehouse.Objects;

/// <summary>A dotted path into an object, for columns and field selectors: <c>spec.holder</c>, <c>spec.list[0]</c>, <c>status.addresses[*].ipv4</c>.</summary>
public sealed class FieldPath
{
    private readonly Step[] _steps;

    private FieldPath(Step[] steps) => _steps = steps;

    /// <summary>Reads a path.</summary>
    /// <exception cref="FormatException">An empty step or a bracket without number or <c>*</c>.</exception>
    public static FieldPath Parse(string path) => new([.. path.Split('.').SelectMany(part => ParsePart(path, part))]);

    /// <summary>The values at the path; none when a step is missing.</summary>
    public IEnumerable<JsonElement> Read(JsonElement root)
    {
        IEnumerable<JsonElement> found = [root];
        foreach (var step in _steps) found = found.SelectMany(step.Take);
        return found;
    }

    /// <summary>The values at the path as text, joined by commas; empty when there is none.</summary>
    public string Text(JsonElement root)
    {
        // Nearly all paths are plain names, and selectors read them for every event: no iterators there.
        foreach (var step in _steps)
        {
            if (step.Name is null) return string.Join(',', Read(root).Select(TextOf));
        }

        foreach (var step in _steps)
        {
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(step.Name!, out root)) return "";
        }

        return TextOf(root);
    }

    /// <summary>A value as a person reads it: strings without quotes, lists joined by commas, null as nothing.</summary>
    public static string TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Null or JsonValueKind.Undefined => "",
        JsonValueKind.Array => string.Join(',', value.EnumerateArray().Select(TextOf)),
        _ => value.GetRawText(),
    };

    private static IEnumerable<Step> ParsePart(string path, string part)
    {
        var bracket = part.IndexOf('[', StringComparison.Ordinal);
        var name = bracket < 0 ? part : part[..bracket];
        if (name.Length == 0) throw new FormatException($"'{path}' has an empty step");
        yield return new Step(name, null);
        if (bracket < 0) yield break;
        foreach (var index in part[(bracket + 1)..].TrimEnd(']').Split("]["))
        {
            if (index == "*") yield return new Step(null, null);
            else if (int.TryParse(index, out var number) && number >= 0) yield return new Step(null, number);
            else throw new FormatException($"'{path}': '[{index}]' is neither [*] nor a number");
        }
    }

    /// <param name="Name">Of a member; null for list items.</param>
    /// <param name="Index">Of an item; null for all.</param>
    private readonly record struct Step(string? Name, int? Index)
    {
        public JsonElement[] Take(JsonElement value)
        {
            if (Name is not null) return value.ValueKind == JsonValueKind.Object && value.TryGetProperty(Name, out var member) ? [member] : [];
            if (value.ValueKind != JsonValueKind.Array) return [];
            if (Index is not { } index) return [.. value.EnumerateArray()];
            return index < value.GetArrayLength() ? [value[index]] : [];
        }
    }
}

using System.Buffers;
using System.Text;
using System.Text.Json;
using Gatehouse.Objects;
using Gatehouse.Objects.Selectors;

namespace Gatehouse.Api.Server.Registry;

/// <summary>What selectors can ask of one state of an object; read once, whoever asks.</summary>
/// <param name="Fields">The texts at <see cref="RegisteredKind.FieldPaths"/>, in that order.</param>
internal sealed record ObjectFacts(string[] Fields, IReadOnlyDictionary<string, string>? Labels)
{
    public static ObjectFacts Read(RegisteredKind kind, ReadOnlyMemory<byte> stored)
    {
        using var document = JsonDocument.Parse(stored);
        var root = document.RootElement;
        var fields = new string[kind.Fields.Count];
        for (var i = 0; i < fields.Length; i++) fields[i] = kind.Fields[i].Text(root);
        Dictionary<string, string>? labels = null;
        if (root.GetProperty("metadata").TryGetProperty("labels", out var pairs))
        {
            labels = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var pair in pairs.EnumerateObject()) labels[pair.Name] = pair.Value.GetString() ?? "";
        }

        return new ObjectFacts(fields, labels);
    }
}

/// <summary>Which objects of a kind a list or watch is about.</summary>
internal sealed class ObjectFilter
{
    private const int NamespaceField = 1;

    private readonly string? _namespace;
    private readonly LabelSelector _labels;
    /// <summary>Characters that stand in JSON as they are and never join list items: a field's text of these alone stands in the object's bytes.</summary>
    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:");

    private readonly (int Field, bool Equal, string Value)[] _fields;
    private readonly byte[] _needle = [];

    private ObjectFilter(RegisteredKind kind, string? space, LabelSelector labels, FieldSelector fields)
    {
        _namespace = space;
        _labels = labels;
        _fields = [.. fields.Terms.Select(t => (kind.FieldPaths.ToList().IndexOf(t.Path), t.Equal, t.Value))];
        Name = fields.Required("metadata.name");
        IsEverything = labels.IsEverything && fields.IsEverything;
        // The first term that one value satisfies finds the watchers of an event. The namespace would do, but its sets are large.
        Index = Array.Find(_fields, static f => f.Equal && f.Field != NamespaceField) is { Value: not null } term ? (term.Field, term.Value) : null;
        if (Index is { Value: { } value } && !value.AsSpan().ContainsAnyExcept(Plain)) _needle = Encoding.UTF8.GetBytes(value);
    }

    /// <summary>The one name that matches, or null.</summary>
    public string? Name { get; }

    /// <summary>Whether there is neither label nor field selector.</summary>
    public bool IsEverything { get; }

    /// <summary>A field (by its place in <see cref="RegisteredKind.FieldPaths"/>) and the value that it must have; null when no field is bound to one.</summary>
    public (int Field, string Value)? Index { get; }

    /// <summary>Reads the selectors of a request.</summary>
    /// <returns>Null and the refusal (400) when one can't be read or names a field that the kind does not offer.</returns>
    public static (ObjectFilter? Filter, Status? Refusal) Create(RegisteredKind kind, string? space, string? labelSelector, string? fieldSelector)
    {
        if (!LabelSelector.TryParse(labelSelector, out var labels, out var fault)) return (null, Refusals.BadRequest($"unable to parse labelSelector: {fault}"));
        if (!FieldSelector.TryParse(fieldSelector, out var fields, out fault)) return (null, Refusals.BadRequest($"unable to parse fieldSelector: {fault}"));
        var unknown = fields.UnsupportedBy(kind.Info).ToList();
        if (unknown.Count == 0) return (new ObjectFilter(kind, space, labels, fields), null);
        return (null, Refusals.BadRequest(
            $"field label not supported: {string.Join(", ", unknown)}; {kind.Info.Kind} offers {string.Join(", ", kind.FieldPaths)}"));
    }

    /// <summary>Whether a stored object matches. Most that do not are told by their bytes, without being parsed.</summary>
    public bool Matches(RegisteredKind kind, ReadOnlyMemory<byte> stored) =>
        stored.Span.IndexOf(_needle) >= 0 && Matches(ObjectFacts.Read(kind, stored));

    /// <summary>Whether a state of an object matches; null never does.</summary>
    public bool Matches(ObjectFacts? facts)
    {
        if (facts is null) return false;
        if (_namespace is not null && facts.Fields[NamespaceField] != _namespace) return false;
        foreach (var (field, equal, value) in _fields)
        {
            if ((facts.Fields[field] == value) != equal) return false;
        }

        return _labels.IsEverything || _labels.Matches(facts.Labels);
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Objects.Schema;

namespace Gatehouse.Objects;

/// <summary>Where the objects of a kind live.</summary>
public enum KindScope
{
    /// <summary>One name space for the whole API server.</summary>
    Cluster,

    /// <summary>Names are unique inside a namespace.</summary>
    Namespaced,
}

/// <summary>One column of the table that people see (<c>kubectl get</c>).</summary>
/// <param name="Name">The heading in capitals.</param>
/// <param name="Path">Dotted path into the object, for example <c>status.phase</c>.</param>
/// <param name="Wide">Shown with <c>-o wide</c> alone.</param>
public sealed record PrinterColumn(string Name, string Path, bool Wide = false);

/// <summary>
/// All that the code knows of one kind. Adding a kind is adding one of these to <see cref="KindTable"/>.
/// </summary>
public abstract record KindInfo
{
    /// <summary>The API group; empty for core.</summary>
    public required string Group { get; init; }

    /// <summary>The version, for example <c>v1</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The kind in CamelCase.</summary>
    public required string Kind { get; init; }

    /// <summary>The resource name in paths.</summary>
    public required string Plural { get; init; }

    /// <summary>Abbreviations for the command line.</summary>
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>Default: <see cref="KindScope.Cluster"/>.</summary>
    public KindScope Scope { get; init; }

    /// <summary>Whether status is a subresource: writes to the object leave status alone, and the reverse. Default true.</summary>
    public bool HasStatus { get; init; } = true;

    /// <summary>Columns after NAME and before AGE.</summary>
    public IReadOnlyList<PrinterColumn> Columns { get; init; } = [];

    /// <summary>Dotted paths that field selectors accept, beside <c>metadata.name</c> and <c>metadata.namespace</c>.</summary>
    public IReadOnlyList<string> SelectableFields { get; init; } = [];

    /// <summary><c>group/version</c>, or the version alone for core.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The kind in lower case.</summary>
    public string Singular => Kind.ToLowerInvariant();

    /// <summary>All faults of an object at once. The JSON is known to be an object with metadata.</summary>
    /// <param name="json">The whole object.</param>
    public abstract IReadOnlyList<Fault> Validate(JsonElement json);

    /// <summary>Completes what was sent: members that are null go, and the spec's defaults are written out, so that every reader sees the same.</summary>
    /// <param name="json">The whole object; changed in place. Faulty values stay, for <see cref="Validate"/>.</param>
    /// <returns>False when a value has the wrong type, so that the object can't be read as its record.</returns>
    public abstract bool Complete(JsonObject json);

    /// <summary>Calls back with the kind's record as a type argument, for callers that know the kind only at run time.</summary>
    public abstract TResult Accept<TResult>(IKindVisitor<TResult> visitor);
}

/// <summary>What to do with a kind whose record is known only at run time.</summary>
public interface IKindVisitor<out TResult>
{
    TResult Visit<T>(KindInfo<T> kind)
        where T : ApiObject, IKind<T>;
}

/// <summary>A kind with its record.</summary>
/// <typeparam name="T">The record.</typeparam>
public sealed record KindInfo<T> : KindInfo
    where T : ApiObject, IKind<T>
{
    /// <summary>Source-generated JSON of the record.</summary>
    public required JsonTypeInfo<T> Json { get; init; }

    /// <summary>The kind's own rules; the server has checked metadata already.</summary>
    public Func<T, IEnumerable<Fault>> Check { get; init; } = static _ => [];

    /// <inheritdoc/>
    public override TResult Accept<TResult>(IKindVisitor<TResult> visitor) => visitor.Visit(this);

    /// <inheritdoc/>
    public override IReadOnlyList<Fault> Validate(JsonElement json)
    {
        var readable = JsonObject.Create(json);
        if (readable is null) return [new Fault("", "null", "must be an object")];
        var faults = SchemaWalk.TakeFaults(readable, Json);
        try
        {
            if (readable.Deserialize(Json) is not { } typed) return faults;
            // What a faulty value stood for is missing now; that is no fault of its own.
            return [.. faults, .. Check(typed).Where(f => !faults.Any(known => Covers(known.Field, f.Field)))];
        }
        catch (JsonException e)
        {
            return [.. faults, new Fault((e.Path ?? "$").TrimStart('$').TrimStart('.'), "", e.InnerException?.Message ?? e.Message)];
        }
    }

    /// <inheritdoc/>
    public override bool Complete(JsonObject json)
    {
        SchemaWalk.DropNulls(json, Json);
        var readable = json.DeepClone().AsObject();
        var right = SchemaWalk.TakeFaults(readable, Json).Count == 0;
        try
        {
            if (readable.Deserialize(Json) is { } typed && JsonSerializer.SerializeToNode(typed, Json)?["spec"] is JsonObject defaults)
                Fill(json["spec"] as JsonObject ?? (json["spec"] is null ? AddSpec(json) : null), defaults);
        }
        catch (JsonException)
        {
            return false; // Validate says what it was
        }

        return right;
    }

    private static bool Covers(string known, string field) =>
        field.StartsWith(known, StringComparison.Ordinal) && (field.Length == known.Length || field[known.Length] is '.' or '[')
        || known.StartsWith(field, StringComparison.Ordinal) && known.Length > field.Length && known[field.Length] is '.' or '[';

    private static JsonObject AddSpec(JsonObject json)
    {
        JsonObject spec = [];
        json["spec"] = spec;
        return spec;
    }

    private static void Fill(JsonObject? target, JsonObject defaults)
    {
        if (target is null) return;
        foreach (var (name, value) in defaults)
        {
            if (!target.TryGetPropertyValue(name, out var present)) target[name] = value?.DeepClone();
            else if (present is JsonObject member && value is JsonObject inner) Fill(member, inner);
        }
    }
}

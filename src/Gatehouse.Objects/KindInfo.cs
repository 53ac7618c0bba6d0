using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

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
        try
        {
            return json.Deserialize(Json) is { } typed ? [.. Check(typed)] : [new Fault("", "null", "an object")];
        }
        catch (JsonException e)
        {
            return [new Fault((e.Path ?? "$").TrimStart('$').TrimStart('.'), "", e.InnerException?.Message ?? e.Message)];
        }
    }
}

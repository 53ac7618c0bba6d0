using System.Text.Json.Serialization;

namespace Gatehouse.Objects;

/// <summary>
/// What every object has: its type, its metadata. Specs and statuses are added by each kind.
/// Shape: Kubernetes API conventions, "Objects" (sig-architecture/api-conventions.md).
/// </summary>
/// <remarks>
/// Properties of kinds are <c>set</c>, not <c>init</c>: the source-generated reader passes every init-only property to the constructor expression, with null or
/// zero for what the JSON lacks, so that defaults (<c>= []</c>, <c>= 4789</c>) would be lost. Treat objects as immutable all the same and change them with <c>with</c>.
/// </remarks>
public abstract record ApiObject
{
    /// <summary>Group and version, for example <c>gatehouse.dev/v1</c>; core kinds have no group: <c>v1</c>.</summary>
    [JsonPropertyOrder(-3)]
    public string ApiVersion { get; set; } = "";

    /// <summary>The kind in CamelCase, for example <c>FabricService</c>.</summary>
    [JsonPropertyOrder(-2)]
    public string Kind { get; set; } = "";

    /// <summary>Name, revision, labels and life cycle.</summary>
    [JsonPropertyOrder(-1)]
    public ObjectMeta Metadata { get; set; } = new();

    /// <summary>The object's key inside its kind.</summary>
    [JsonIgnore]
    public ObjectKey Key => new(Metadata.Namespace, Metadata.Name);
}

/// <summary>A kind that the typed client can read and write.</summary>
/// <typeparam name="TSelf">The record that implements it.</typeparam>
public interface IKind<TSelf>
    where TSelf : ApiObject, IKind<TSelf>
{
    /// <summary>The kind's entry in <see cref="KindTable"/>.</summary>
    static abstract KindInfo<TSelf> Info { get; }
}

/// <summary>Namespace and name of an object inside its kind.</summary>
/// <param name="Namespace">Null for kinds whose scope is the whole API server.</param>
/// <param name="Name">A DNS subdomain (RFC 1123).</param>
public readonly record struct ObjectKey(string? Namespace, string Name)
{
    /// <summary>The key of an object without namespace.</summary>
    public static implicit operator ObjectKey(string name) => new(null, name);

    /// <inheritdoc/>
    public override string ToString() => Namespace is null ? Name : $"{Namespace}/{Name}";
}

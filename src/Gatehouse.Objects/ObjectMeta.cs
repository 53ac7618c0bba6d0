namespace Gatehouse.Objects;

/// <summary>Metadata of an object (Kubernetes meta/v1 ObjectMeta). Empty fields are left out of the JSON.</summary>
public sealed record ObjectMeta
{
    /// <summary>A DNS subdomain of at most 253 characters; unique inside kind and namespace.</summary>
    public string Name { get; set; } = "";

    /// <summary>On create without a name: the server appends five random characters.</summary>
    public string? GenerateName { get; set; }

    /// <summary>Null for kinds without namespace.</summary>
    public string? Namespace { get; set; }

    /// <summary>Given by the server on create; a deleted and re-created name has another.</summary>
    public string? Uid { get; set; }

    /// <summary>The store's revision of the last write, in decimal. Opaque to clients; on update, the revision that must still hold.</summary>
    public string? ResourceVersion { get; set; }

    /// <summary>Grows by one with each change of the spec.</summary>
    public long? Generation { get; set; }

    /// <summary>Given by the server on create.</summary>
    public DateTimeOffset? CreationTimestamp { get; set; }

    /// <summary>Set by a delete while finalizers remain.</summary>
    public DateTimeOffset? DeletionTimestamp { get; set; }

    /// <summary>Names for selectors.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; set; }

    /// <summary>Free text for people and tools.</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; set; }

    /// <summary>Who must finish before a delete takes effect.</summary>
    public IReadOnlyList<string>? Finalizers { get; set; }

    /// <summary>Objects whose end is the end of this one.</summary>
    public IReadOnlyList<OwnerReference>? OwnerReferences { get; set; }
}

/// <summary>A reference to the owner of an object (Kubernetes meta/v1 OwnerReference).</summary>
public sealed record OwnerReference(string ApiVersion, string Kind, string Name, string Uid, bool? Controller = null, bool? BlockOwnerDeletion = null);

/// <summary>Metadata of a list (Kubernetes meta/v1 ListMeta).</summary>
/// <param name="ResourceVersion">The revision that the list shows.</param>
/// <param name="Continue">Where the next page starts; null on the last one.</param>
/// <param name="RemainingItemCount">How many items follow; null when a selector filters.</param>
public sealed record ListMeta(string? ResourceVersion, string? Continue = null, long? RemainingItemCount = null);

namespace Gatehouse.Objects.Kinds;

/// <summary>Where an object was declared, when it is a copy.</summary>
public static class Origin
{
    /// <summary>The label that a copy carries.</summary>
    public const string Label = "gatehouse.dev/origin";

    /// <summary>The label's value on copies of root's objects.</summary>
    public const string Root = "root";

    /// <summary>Whether an object at a cluster is a copy of root's: it is changed and removed there.</summary>
    public static bool IsRoot(ObjectMeta metadata) => metadata.Labels?.GetValueOrDefault(Label) == Root;
}

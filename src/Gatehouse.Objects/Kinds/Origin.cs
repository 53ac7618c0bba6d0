namespace Gatehouse.Objects.Kinds;

/// <summary>Where an object was declared, when it is a copy.</summary>
public static class Origin
{
    /// <summary>The annotation of a copy: the uid of root's object. What was declared here has none.</summary>
    public const string UpstreamUid = "gatehouse.dev/upstream-uid";

    /// <summary>Whether an object at a cluster is a copy of root's: it is changed and removed there.</summary>
    public static bool IsRoot(ObjectMeta metadata) => metadata.Annotations?.ContainsKey(UpstreamUid) == true;
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects.Schema;

namespace Gatehouse.Objects;

/// <summary>The rules of metadata that hold for every kind (apimachinery's ValidateObjectMeta). All faults at once.</summary>
public static class MetadataRules
{
    /// <summary>Characters of all annotations together.</summary>
    public const int AnnotationLimit = 256 * 1024;

    private static readonly string[] Times = ["creationTimestamp", "deletionTimestamp"];
    private static readonly string[] Texts = ["uid", "resourceVersion", "generateName"];

    /// <summary>Faults of <c>metadata</c>.</summary>
    /// <param name="metadata">As it will be stored: with its name.</param>
    public static IEnumerable<Fault> Check(JsonObject metadata, KindInfo kind) =>
        CheckName(metadata)
            .Concat(CheckNamespace(metadata, kind))
            .Concat(Texts.SelectMany(f => CheckText(metadata, f)))
            .Concat(Times.SelectMany(f => CheckTime(metadata, f)))
            .Concat(CheckMap(metadata, "labels", static v => Names.IsLabelValue(v) ? null : Names.LabelValueRule))
            .Concat(CheckMap(metadata, "annotations", static _ => null))
            .Concat(CheckAnnotationSize(metadata))
            .Concat(CheckFinalizers(metadata))
            .Concat(CheckOwners(metadata));

    private static IEnumerable<Fault> CheckName(JsonObject metadata)
    {
        var name = Text(metadata["name"]);
        if (string.IsNullOrEmpty(name)) yield return new Fault("metadata.name", "", "is required: a name or generateName");
        else if (!Names.IsSubdomain(name)) yield return new Fault("metadata.name", name, Names.SubdomainRule);
    }

    private static IEnumerable<Fault> CheckNamespace(JsonObject metadata, KindInfo kind)
    {
        var value = Text(metadata["namespace"]);
        if (kind.Scope == KindScope.Cluster)
        {
            if (!string.IsNullOrEmpty(value)) yield return new Fault("metadata.namespace", value, $"must be absent: a {kind.Kind} has no namespace");
        }
        else if (string.IsNullOrEmpty(value))
        {
            yield return new Fault("metadata.namespace", "", "is required");
        }
        else if (!Names.IsLabel(value))
        {
            yield return new Fault("metadata.namespace", value, Names.LabelRule);
        }
    }

    private static IEnumerable<Fault> CheckText(JsonObject metadata, string field)
    {
        if (metadata[field] is { } value && Text(value) is null) yield return new Fault($"metadata.{field}", Shorten(value), "must be a string");
    }

    private static IEnumerable<Fault> CheckTime(JsonObject metadata, string field)
    {
        if (metadata[field] is { } value && !(value is JsonValue text && LeafRules.ElementOf(text) is { ValueKind: JsonValueKind.String } element && element.TryGetDateTimeOffset(out _)))
            yield return new Fault($"metadata.{field}", Shorten(value), "must be a time (RFC 3339)");
    }

    private static IEnumerable<Fault> CheckMap(JsonObject metadata, string field, Func<string, string?> refuse)
    {
        if (metadata[field] is not { } map) yield break;
        if (map is not JsonObject entries)
        {
            yield return new Fault($"metadata.{field}", Shorten(map), "must be an object of strings");
            yield break;
        }

        foreach (var (key, node) in entries)
        {
            if (!Names.IsQualified(key)) yield return new Fault($"metadata.{field}", key, $"the key {Names.QualifiedRule}");
            if (Text(node) is not { } value) yield return new Fault($"metadata.{field}[{key}]", Shorten(node), "must be a string");
            else if (refuse(value) is { } rule) yield return new Fault($"metadata.{field}[{key}]", value, rule);
        }
    }

    private static IEnumerable<Fault> CheckAnnotationSize(JsonObject metadata)
    {
        if (metadata["annotations"] is not JsonObject entries) yield break;
        var size = entries.Sum(static e => e.Key.Length + (Text(e.Value)?.Length ?? 0));
        if (size > AnnotationLimit) yield return new Fault("metadata.annotations", $"{size}", $"must be at most {AnnotationLimit} characters together");
    }

    private static IEnumerable<Fault> CheckFinalizers(JsonObject metadata)
    {
        if (metadata["finalizers"] is not { } list) yield break;
        if (list is not JsonArray items)
        {
            yield return new Fault("metadata.finalizers", Shorten(list), "must be a list of strings");
            yield break;
        }

        for (var i = 0; i < items.Count; i++)
        {
            if (Text(items[i]) is not { } name) yield return new Fault($"metadata.finalizers[{i}]", Shorten(items[i]), "must be a string");
            else if (!Names.IsQualified(name)) yield return new Fault($"metadata.finalizers[{i}]", name, Names.QualifiedRule);
        }
    }

    private static IEnumerable<Fault> CheckOwners(JsonObject metadata)
    {
        if (metadata["ownerReferences"] is not { } list) yield break;
        if (list is not JsonArray items)
        {
            yield return new Fault("metadata.ownerReferences", Shorten(list), "must be a list of objects");
            yield break;
        }

        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is not JsonObject owner)
            {
                yield return new Fault($"metadata.ownerReferences[{i}]", Shorten(items[i]), "must be an object");
                continue;
            }

            foreach (var field in (string[])["apiVersion", "kind", "name", "uid"])
            {
                if (string.IsNullOrEmpty(Text(owner[field]))) yield return new Fault($"metadata.ownerReferences[{i}].{field}", "", "is required: a string");
            }

            foreach (var field in (string[])["controller", "blockOwnerDeletion"])
            {
                if (owner[field] is { } flag && flag.GetValueKind() is not (JsonValueKind.True or JsonValueKind.False))
                    yield return new Fault($"metadata.ownerReferences[{i}].{field}", Shorten(flag), "must be true or false");
            }
        }

        if (items.Count(static o => o is JsonObject owner && owner["controller"]?.GetValueKind() == JsonValueKind.True) > 1)
            yield return new Fault("metadata.ownerReferences", "", "must name at most one owner as controller");
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static string Shorten(JsonNode? node)
    {
        var text = node?.ToJsonString() ?? "null";
        return text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "…");
    }
}

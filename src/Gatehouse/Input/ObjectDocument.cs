using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects;
using Gatehouse.Objects.Schema;

namespace Gatehouse.Input;

/// <summary>One object out of a file.</summary>
/// <param name="Place">For messages: file and document, for example <c>site.yaml, document 2</c>.</param>
internal sealed record ObjectDocument(string Place, JsonObject Object)
{
    /// <summary>The object's kind; null when it is not known.</summary>
    public KindInfo? Kind
    {
        get
        {
            var (version, kind) = (Text("apiVersion"), Text("kind"));
            return KindTable.All.FirstOrDefault(k => k.ApiVersion == version && k.Kind == kind);
        }
    }

    public ObjectKey Key => new(Metadata("namespace"), Metadata("name") ?? "");

    /// <summary>Everything that is wrong with it, before anything is sent.</summary>
    public IEnumerable<string> Faults() => Inspect().Select(f => $"{Place}: {f}");

    private IEnumerable<string> Inspect()
    {
        if (Kind is not { } kind)
        {
            yield return $"apiVersion, kind: '{Text("apiVersion")}', '{Text("kind")}' is not known; there are: {string.Join(", ", KindTable.All.Select(k => $"{k.ApiVersion} {k.Kind}"))}";
            yield break;
        }

        var name = Metadata("name");
        if (string.IsNullOrEmpty(name)) yield return "metadata.name: is required";
        else if (!Names.IsSubdomain(name)) yield return $"metadata.name: '{name}' is not valid: {Names.SubdomainRule}";
        if (kind.Scope == KindScope.Namespaced && string.IsNullOrEmpty(Metadata("namespace"))) yield return "metadata.namespace: is required for this kind";
        foreach (var unknown in UnknownFields.Find(kind, Object)) yield return $"{unknown.Path}: is not known; there are: {string.Join(", ", unknown.Known)}";
        using var json = JsonDocument.Parse(Object.ToJsonString());
        foreach (var fault in kind.Validate(json.RootElement)) yield return fault.ToString();
    }

    private string? Text(string field) => Object[field] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private string? Metadata(string field) => Object["metadata"] is JsonObject meta && meta[field] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}

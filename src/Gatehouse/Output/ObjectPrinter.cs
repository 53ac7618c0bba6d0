using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Output;

/// <summary>Writes objects of one kind in the form that was asked for.</summary>
internal sealed class ObjectPrinter(HostContext host, OutputForm form)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One object by itself.</summary>
    public void One(KindInfo kind, JsonObject value)
    {
        if (form is OutputForm.Table or OutputForm.Wide or OutputForm.Name) Many(kind, [value], revision: null);
        else host.Out.WriteLine(Text(value));
    }

    /// <summary>A list. As JSON and YAML it is a List object, as Kubernetes has it.</summary>
    public void Many(KindInfo kind, IReadOnlyList<JsonObject> values, string? revision)
    {
        switch (form)
        {
            case OutputForm.Name:
                foreach (var value in values) host.Out.WriteLine(NameOf(kind, value));
                break;
            case OutputForm.Json or OutputForm.Yaml:
                host.Out.WriteLine(Text(ListOf(kind, values, revision)));
                break;
            default:
                if (values.Count == 0) host.Error.WriteLine($"no {kind.Plural} found{WhereElse(kind)}");
                else TextTable.Write(host, Headings(kind), values.Select(v => Cells(kind, v)));
                break;
        }
    }

    /// <summary>One line, or document, for a change under watch.</summary>
    public void Change(KindInfo kind, string what, JsonObject value)
    {
        switch (form)
        {
            case OutputForm.Name:
                host.Out.WriteLine(NameOf(kind, value));
                break;
            case OutputForm.Json or OutputForm.Yaml:
                host.Out.WriteLine(Text(new JsonObject { ["type"] = what.ToUpperInvariant(), ["object"] = value.DeepClone() }));
                break;
            default:
                host.Out.WriteLine(string.Join("   ", Cells(kind, value).Prepend(what.ToUpperInvariant().PadRight(8))));
                break;
        }

        host.Out.Flush();
    }

    /// <summary><c>kind/name</c>, with the namespace where there is one.</summary>
    public static string NameOf(KindInfo kind, JsonObject value) => $"{kind.Singular}/{new ObjectKey(Metadata(value, "namespace"), Metadata(value, "name") ?? "")}";

    /// <summary>Each tier has kinds of its own; who asks the other one gets an empty list, which says nothing.</summary>
    private static string WhereElse(KindInfo kind) =>
        kind.Kind switch
        {
            nameof(Worker) => " (workers are known at their cluster's API, not at root's)",
            nameof(Objects.Kinds.Cluster) or nameof(Subnetwork) or nameof(AddressLease) => $" ({kind.Plural} are known at root's API, not at a cluster's)",
            _ => "",
        };

    private string Text(JsonNode value) => form == OutputForm.Json ? value.ToJsonString(Indented) : YamlText.Write(value).TrimEnd('\n');

    private static JsonObject ListOf(KindInfo kind, IReadOnlyList<JsonObject> values, string? revision) => new()
    {
        ["apiVersion"] = kind.ApiVersion,
        ["kind"] = $"{kind.Kind}List",
        ["metadata"] = new JsonObject { ["resourceVersion"] = revision ?? "" },
        ["items"] = new JsonArray([.. values.Select(v => v.DeepClone())]),
    };

    private IEnumerable<string> Headings(KindInfo kind)
    {
        var headings = new TableView(kind).Headings.Where(h => !h.Wide || form == OutputForm.Wide).Select(h => h.Name);
        return kind.Scope == KindScope.Namespaced ? headings.Prepend("NAMESPACE") : headings;
    }

    private IEnumerable<string> Cells(KindInfo kind, JsonObject value)
    {
        var view = new TableView(kind);
        var cells = view.Headings.Zip(view.Cells(JsonSerializer.SerializeToElement(value, CliJson.Default.JsonObject), host.Time.GetUtcNow()))
            .Where(c => !c.First.Wide || form == OutputForm.Wide).Select(c => c.Second.Length == 0 ? "-" : c.Second);
        return kind.Scope == KindScope.Namespaced ? cells.Prepend(Metadata(value, "namespace") ?? "-") : cells;
    }

    private static string? Metadata(JsonObject value, string field) => value["metadata"]?[field]?.GetValue<string>();
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
internal sealed partial class CliJson : System.Text.Json.Serialization.JsonSerializerContext;

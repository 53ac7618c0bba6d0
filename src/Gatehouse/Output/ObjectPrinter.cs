using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects;

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
                if (values.Count == 0) host.Error.WriteLine($"no {kind.Plural} found");
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
    public static string NameOf(KindInfo kind, JsonObject value)
    {
        var space = JsonPath.Text(value, "metadata.namespace");
        var name = JsonPath.Text(value, "metadata.name");
        return space.Length == 0 ? $"{kind.Singular}/{name}" : $"{kind.Singular}/{space}/{name}";
    }

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
        if (kind.Scope == KindScope.Namespaced) yield return "NAMESPACE";
        yield return "NAME";
        foreach (var column in Columns(kind)) yield return column.Name;
        yield return "AGE";
    }

    private IEnumerable<string> Cells(KindInfo kind, JsonObject value)
    {
        if (kind.Scope == KindScope.Namespaced) yield return JsonPath.Text(value, "metadata.namespace");
        yield return JsonPath.Text(value, "metadata.name");
        foreach (var column in Columns(kind))
        {
            var text = JsonPath.Text(value, column.Path);
            yield return text.Length == 0 ? "-" : text;
        }

        yield return DateTimeOffset.TryParse(JsonPath.Text(value, "metadata.creationTimestamp"), out var born) ? Age.Text(host.Time.GetUtcNow() - born) : "-";
    }

    private IEnumerable<PrinterColumn> Columns(KindInfo kind) => kind.Columns.Where(c => !c.Wide || form == OutputForm.Wide);
}

using System.Text.Json;

namespace Gatehouse.Objects;

/// <summary>Objects of one kind as a table: NAME, the kind's columns, AGE; for the command line and for the API's <c>Table</c> (meta.k8s.io/v1).</summary>
public sealed class TableView
{
    private static readonly FieldPath Name = FieldPath.Parse("metadata.name");
    private static readonly FieldPath Created = FieldPath.Parse("metadata.creationTimestamp");

    private readonly (PrinterColumn Column, FieldPath Path)[] _columns;

    /// <summary>The view of a kind.</summary>
    public TableView(KindInfo kind) => _columns = [.. kind.Columns.Select(static c => (c, FieldPath.Parse(c.Path)))];

    /// <summary>The headings in order; wide ones are meant for <c>-o wide</c>.</summary>
    public IEnumerable<(string Name, bool Wide)> Headings =>
        _columns.Where(static c => !c.Column.Wide).Select(static c => (c.Column.Name, false))
            .Prepend(("NAME", false)).Append(("AGE", false))
            .Concat(_columns.Where(static c => c.Column.Wide).Select(static c => (c.Column.Name, true)));

    /// <summary>The cells of one object, under <see cref="Headings"/>.</summary>
    public IEnumerable<string> Cells(JsonElement item, DateTimeOffset now)
    {
        yield return Name.Text(item);
        foreach (var (column, path) in _columns)
        {
            if (!column.Wide) yield return path.Text(item);
        }

        yield return Age(item, now);
        foreach (var (column, path) in _columns)
        {
            if (column.Wide) yield return path.Text(item);
        }
    }

    /// <summary>Writes a meta.k8s.io/v1 Table.</summary>
    /// <param name="metadata">Of the list, or null.</param>
    public void Write(Utf8JsonWriter writer, IEnumerable<JsonElement> items, ListMeta? metadata, DateTimeOffset now)
    {
        writer.WriteStartObject();
        writer.WriteString("kind", "Table");
        writer.WriteString("apiVersion", "meta.k8s.io/v1");
        writer.WritePropertyName("metadata");
        JsonSerializer.Serialize(writer, metadata ?? new ListMeta(null), ObjectsJson.Default.ListMeta);
        writer.WriteStartArray("columnDefinitions");
        foreach (var (name, wide) in Headings) WriteHeading(writer, name, wide);
        writer.WriteEndArray();
        writer.WriteStartArray("rows");
        foreach (var item in items) WriteRow(writer, item, now);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteHeading(Utf8JsonWriter writer, string name, bool wide)
    {
        writer.WriteStartObject();
        writer.WriteString("name", char.ToUpperInvariant(name[0]) + name[1..].ToLowerInvariant());
        writer.WriteString("type", "string");
        writer.WriteString("format", name == "NAME" ? "name" : "");
        writer.WriteString("description", "");
        writer.WriteNumber("priority", wide ? 1 : 0);
        writer.WriteEndObject();
    }

    private void WriteRow(Utf8JsonWriter writer, JsonElement item, DateTimeOffset now)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("cells");
        foreach (var cell in Cells(item, now)) writer.WriteStringValue(cell);
        writer.WriteEndArray();
        // As Kubernetes does by default (includeObject=Metadata).
        writer.WriteStartObject("object");
        writer.WriteString("kind", "PartialObjectMetadata");
        writer.WriteString("apiVersion", "meta.k8s.io/v1");
        writer.WritePropertyName("metadata");
        item.GetProperty("metadata").WriteTo(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string Age(JsonElement item, DateTimeOffset now) =>
        DateTimeOffset.TryParse(Created.Text(item), out var created) ? HumanDuration.Of(now - created) : "";
}

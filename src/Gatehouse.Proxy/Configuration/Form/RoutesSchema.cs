using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The JSON schema of the file that a person writes (draft 7, which editors know), made of the forms by which it is read.</summary>
internal static class RoutesSchema
{
    /// <summary>The schema, and the tables of the reference.</summary>
    public static (JsonObject Schema, SchemaParts Parts) Make()
    {
        var parts = new SchemaParts();
        var whole = ConfigForm.Shape.Definition(parts);
        JsonObject schema = new()
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "Routes of a Gatehouse proxy",
        };
        foreach (var (name, value) in whole.ToList())
        {
            whole.Remove(name);
            schema[name] = value;
        }

        schema["definitions"] = parts.Definitions;
        return (schema, parts);
    }

    /// <summary>As it stands in docs/formats.</summary>
    public static string Text()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) Make().Schema.WriteTo(json);
        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }
}

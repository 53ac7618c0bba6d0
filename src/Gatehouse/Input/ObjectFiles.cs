using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Gatehouse.Input;

/// <summary>Reads objects out of YAML and JSON: several documents in a file, lists taken apart, a folder's files in order of name, <c>-</c> for standard input.</summary>
internal sealed class ObjectFiles(TextReader input)
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
    private static readonly string[] Endings = [".yaml", ".yml", ".json"];

    /// <summary>All objects of all paths.</summary>
    /// <param name="faults">Gets what could not be read, each with its place.</param>
    public List<ObjectDocument> Read(IEnumerable<string> paths, List<string> faults)
    {
        List<ObjectDocument> found = [];
        foreach (var path in paths.SelectMany(p => Expand(p, faults))) found.AddRange(ReadFile(path, faults));
        return found;
    }

    private static IEnumerable<string> Expand(string path, List<string> faults)
    {
        if (!Directory.Exists(path)) return [path];
        var files = Directory.EnumerateFiles(path).Where(f => Endings.Contains(Path.GetExtension(f))).Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0) faults.Add($"{path}: holds no file that ends in {string.Join(", ", Endings)}");
        return files;
    }

    private List<ObjectDocument> ReadFile(string path, List<string> faults)
    {
        var place = path == "-" ? "standard input" : path;
        try
        {
            var text = path == "-" ? input.ReadToEnd() : File.ReadAllText(path);
            return Documents(path, text).SelectMany((node, i) => Take($"{place}, document {i + 1}", node, faults)).ToList();
        }
        catch (YamlException e)
        {
            faults.Add($"{place}: line {e.Start.Line}, column {e.Start.Column}: {e.InnerException?.Message ?? e.Message}");
        }
        catch (JsonException e)
        {
            faults.Add($"{place}: line {e.LineNumber + 1}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            faults.Add($"{place}: {e.Message}");
        }

        return [];
    }

    /// <summary>A file that calls itself JSON is read as such, because that parser tells its faults better; YAML holds all of JSON anyway.</summary>
    private static List<JsonNode?> Documents(string path, string text)
    {
        if (Path.GetExtension(path) == ".json") return [JsonNode.Parse(text, documentOptions: Lenient)];
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(d => ToJson(d.RootNode)).Where(n => n is not null)];
    }

    private static IEnumerable<ObjectDocument> Take(string place, JsonNode? node, List<string> faults)
    {
        switch (node)
        {
            case JsonObject list when list["items"] is JsonArray items && list["kind"]?.ToString().EndsWith("List", StringComparison.Ordinal) == true:
                return items.SelectMany((item, i) => Take($"{place}, item {i + 1}", item?.DeepClone(), faults));
            case JsonObject one:
                return [new ObjectDocument(place, one)];
            case JsonArray several:
                return several.SelectMany((item, i) => Take($"{place}, item {i + 1}", item?.DeepClone(), faults));
            default:
                faults.Add($"{place}: is no object");
                return [];
        }
    }

    private static JsonNode? ToJson(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(Key(c.Key), ToJson(c.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(ToJson)]),
        YamlScalarNode scalar => Scalar(scalar),
        _ => throw new YamlException(node.Start, node.End, "an alias that leads nowhere"),
    };

    private static string Key(YamlNode node) => node is YamlScalarNode { Value: { } name } ? name : throw new YamlException(node.Start, node.End, "a field name that is no text");

    /// <summary>YAML 1.2's core schema: quoted is text; plain is null, boolean, number or text.</summary>
    private static JsonNode? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style != ScalarStyle.Plain) return JsonValue.Create(text);
        return text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" => JsonValue.Create(value: true),
            "false" or "False" or "FALSE" => JsonValue.Create(value: false),
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonValue.Create(whole),
            _ when IsDecimal(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) => JsonValue.Create(real),
            _ => JsonValue.Create(text),
        };
    }

    private static bool IsDecimal(string text) => text.All(c => char.IsAsciiDigit(c) || c is '.' or '-' or '+' or 'e' or 'E') && text.Any(char.IsAsciiDigit) && text.Count(c => c == '.') <= 1;
}

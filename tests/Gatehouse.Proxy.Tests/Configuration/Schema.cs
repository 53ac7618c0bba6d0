using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>Judges a value by a JSON schema, as an editor does: the words of draft 7 that ours has, and no others.</summary>
internal static class Schema
{
    private static readonly string[] Silent = ["$schema", "title", "description", "definitions"];

    /// <summary>The paths of the schema's rules that a value breaks; empty when it is right.</summary>
    public static List<string> Broken(JsonObject root, JsonNode? value) => [.. Judge(root, root, value, "")];

    /// <summary>What an editor sees of a YAML file.</summary>
    public static JsonNode? Json(YamlNode node) => node.Kind switch
    {
        YamlKind.Mapping => Mapping(node),
        YamlKind.Sequence => Sequence(node),
        _ => !node.Plain ? node.Text
            : node.Text is "true" or "false" ? node.Text == "true"
            : long.TryParse(node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
            : double.TryParse(node.Text, CultureInfo.InvariantCulture, out var real) ? real : node.Text,
    };

    private static decimal Number(JsonNode node) => decimal.Parse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static JsonObject Mapping(YamlNode node)
    {
        JsonObject map = [];
        foreach (var (key, value) in node.Pairs) map[key.Text] = Json(value);
        return map;
    }

    private static JsonArray Sequence(YamlNode node)
    {
        JsonArray list = [];
        foreach (var child in node.Children) list.Add(Json(child));
        return list;
    }

    private static IEnumerable<string> Judge(JsonObject root, JsonObject schema, JsonNode? value, string path)
    {
        foreach (var (word, rule) in schema)
        {
            if (Silent.Contains(word)) continue;
            foreach (var broken in Judge(root, schema, word, rule!, value, path)) yield return broken;
        }
    }

    private static IEnumerable<string> Judge(JsonObject root, JsonObject schema, string word, JsonNode rule, JsonNode? value, string path)
    {
        var kind = value?.GetValueKind() ?? JsonValueKind.Null;
        bool Right(JsonNode? part) => !Judge(root, part!.AsObject(), value, path).Any();
        IEnumerable<string> Unless(bool right) => right ? [] : [$"{path}: {word} {rule.ToJsonString()}"];
        switch (word)
        {
            case "$ref":
                return Judge(root, root["definitions"]![rule.GetValue<string>()["#/definitions/".Length..]]!.AsObject(), value, path);
            case "type":
                return Unless(rule.GetValue<string>() switch
                {
                    "object" => kind == JsonValueKind.Object,
                    "array" => kind == JsonValueKind.Array,
                    "string" => kind == JsonValueKind.String,
                    "boolean" => kind is JsonValueKind.True or JsonValueKind.False,
                    "integer" => kind == JsonValueKind.Number && value!.ToJsonString().All(c => char.IsAsciiDigit(c) || c == '-'),
                    var other => throw new InvalidOperationException(other),
                });
            case "enum":
                return Unless(rule.AsArray().Any(r => JsonNode.DeepEquals(r, value)));
            case "const":
                return Unless(JsonNode.DeepEquals(rule, value));
            case "minimum" or "maximum":
                return Unless(kind != JsonValueKind.Number || (word == "minimum" ? Number(value!) >= Number(rule) : Number(value!) <= Number(rule)));
            case "pattern":
                return Unless(kind != JsonValueKind.String || Regex.IsMatch(value!.GetValue<string>(), rule.GetValue<string>(), RegexOptions.ECMAScript, TimeSpan.FromSeconds(1)));
            case "minLength":
                return Unless(kind != JsonValueKind.String || value!.GetValue<string>().Length >= Number(rule));
            case "maxItems":
                return Unless(kind != JsonValueKind.Array || value!.AsArray().Count <= Number(rule));
            case "items":
                return kind != JsonValueKind.Array ? [] : value!.AsArray().SelectMany((item, i) => Judge(root, rule.AsObject(), item, $"{path}[{i}]"));
            case "properties":
                return kind != JsonValueKind.Object ? [] : value!.AsObject().Where(p => rule[p.Key] is not null).SelectMany(p => Judge(root, rule[p.Key]!.AsObject(), p.Value, $"{path}.{p.Key}"));
            case "additionalProperties":
                var extra = kind != JsonValueKind.Object ? [] : value!.AsObject().Where(p => schema["properties"]?[p.Key] is null).ToList();
                return rule is JsonObject each ? extra.SelectMany(p => Judge(root, each, p.Value, $"{path}.{p.Key}")) : extra.Select(p => $"{path}.{p.Key}: is not known");
            case "required":
                return Unless(kind != JsonValueKind.Object || rule.AsArray().All(r => value!.AsObject().ContainsKey(r!.GetValue<string>())));
            case "anyOf":
                return Unless(rule.AsArray().Any(Right));
            case "oneOf":
                return Unless(rule.AsArray().Count(Right) == 1);
            case "allOf":
                return rule.AsArray().SelectMany(part => Judge(root, part!.AsObject(), value, path));
            case "not":
                return Unless(!Right(rule));
            default:
                throw new InvalidOperationException(word);
        }
    }
}

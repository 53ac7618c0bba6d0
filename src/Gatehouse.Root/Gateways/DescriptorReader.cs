using System.Text.Json;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Gateways;

/// <summary>What came of reading a descriptor.</summary>
/// <param name="Descriptor">As much of it as could be read; null when the document is no JSON object at all.</param>
/// <param name="Faults">Everything that is wrong with it.</param>
/// <param name="Warnings">What was accepted and should be put right.</param>
internal sealed record DescriptorReading(GatewayDescriptor? Descriptor, IReadOnlyList<Fault> Faults, IReadOnlyList<string> Warnings);

/// <summary>Reads a descriptor and reports all that is wrong at once. Pure.</summary>
internal sealed class DescriptorReader
{
    private const int MaxText = 1_024;
    private readonly List<Fault> _faults = [];
    private readonly List<string> _warnings = [];

    private DescriptorReader()
    {
    }

    /// <summary>Reads a document.</summary>
    public static DescriptorReading Read(ReadOnlyMemory<byte> document)
    {
        var reader = new DescriptorReader();
        return new DescriptorReading(reader.ReadDocument(document), reader._faults, reader._warnings);
    }

    private GatewayDescriptor? ReadDocument(ReadOnlyMemory<byte> document)
    {
        if (document.Span.Trim(" \t\r\n"u8).IsEmpty)
        {
            Add("", "", "the document is empty; a JSON object is expected");
            return null;
        }

        if (!ForeignJson.TryReadDocument(document, new JsonDocumentOptions { AllowTrailingCommas = true, MaxDepth = 16 }, out var json, out var fault))
        {
            Add("", "", fault);
            return null;
        }

        using (json)
        {
            foreach (var line in TrailingCommas.Find(document.Span)) _warnings.Add($"line {line}: a comma before a closing bracket is not JSON; it was ignored");
            return json.RootElement.ValueKind == JsonValueKind.Object ? ReadRoot(json.RootElement) : Wrong(json.RootElement);
        }
    }

    private GatewayDescriptor? Wrong(JsonElement root)
    {
        Add("", Shown(root), "the document must be a JSON object");
        return null;
    }

    private GatewayDescriptor ReadRoot(JsonElement root)
    {
        var fields = Fields(root, "", ["sla_version", "customerID", "gateway", "cluster"]);
        var version = Text(fields, "", "sla_version", required: true);
        if (version is not null && version != GatewayDescriptor.SlaVersion) Add("sla_version", version, $"must be {GatewayDescriptor.SlaVersion}");
        var customer = Text(fields, "", "customerID", required: false);
        var gateway = Section(fields, "gateway", ["gateway_ID", "gateway_name", "gateway_desc", "public_gateway_ips"]);
        var cluster = Section(fields, "cluster", ["cluster_ID", "cluster_name"]);
        var descriptor = new GatewayDescriptor { Customer = string.IsNullOrEmpty(customer) ? "Admin" : customer };
        if (gateway is not null)
        {
            descriptor = descriptor with
            {
                GatewayId = Identifier(gateway),
                Name = Name(gateway),
                Description = Text(gateway, "gateway.", "gateway_desc", required: false),
                PublicAddresses = Addresses(gateway),
            };
        }

        return cluster is null ? descriptor : WithCluster(descriptor, cluster);
    }

    private GatewayDescriptor WithCluster(GatewayDescriptor descriptor, Dictionary<string, JsonElement> cluster)
    {
        var (id, name) = (Text(cluster, "cluster.", "cluster_ID", required: false), Text(cluster, "cluster.", "cluster_name", required: false));
        if (string.IsNullOrEmpty(id) && string.IsNullOrEmpty(name) && !_faults.Exists(f => f.Field.StartsWith("cluster.", StringComparison.Ordinal)))
            Add("cluster", "", "needs cluster_ID, cluster_name, or both");
        return descriptor with { ClusterId = Filled(id), ClusterName = Filled(name) };
    }

    private string? Identifier(Dictionary<string, JsonElement> gateway)
    {
        if (Filled(Text(gateway, "gateway.", "gateway_ID", required: false)) is not { } id) return null;
        if (id.Length <= 64 && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) return id;
        Add("gateway.gateway_ID", id, "must be empty, to have one made, or at most 64 letters, digits, '-' and '_'");
        return null;
    }

    private string Name(Dictionary<string, JsonElement> gateway)
    {
        if (Text(gateway, "gateway.", "gateway_name", required: true) is not { } name) return "";
        if (GatewayName.IsValid(name)) return name;
        var better = GatewayName.Normalise(name);
        Add("gateway.gateway_name", name, $"must be a DNS label: at most {GatewayName.MaxLength} lower-case letters, digits and '-', with no '-' at either end{(better.Length > 0 ? $"; '{better}' would do" : "")}");
        return "";
    }

    private List<string> Addresses(Dictionary<string, JsonElement> gateway)
    {
        const string Field = "gateway.public_gateway_ips";
        if (!gateway.TryGetValue("public_gateway_ips", out var list))
        {
            Add(Field, "", "is required: the public addresses of the workers to try");
            return [];
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            Add(Field, Shown(list), "must be an array of addresses");
            return [];
        }

        var items = list.EnumerateArray().Select((item, i) => (item, i)).ToList();
        foreach (var (item, i) in items.Where(x => x.item.ValueKind != JsonValueKind.String)) Add($"{Field}[{i}]", Shown(item), "must be a text with an IPv4 or IPv6 address");

        // The others keep their place in the list, so that every fault names the right entry.
        List<string> values = [.. items.Select(x => x.item.ValueKind == JsonValueKind.String ? x.item.GetString()! : "")];
        var faults = PublicAddressRules.Check(Field, values).Where(f => !_faults.Exists(known => known.Field == f.Field)).ToList();
        _faults.AddRange(faults);
        return values;
    }

    private Dictionary<string, JsonElement>? Section(Dictionary<string, JsonElement> root, string name, string[] known)
    {
        if (!root.TryGetValue(name, out var section)) Add(name, "", "is required");
        else if (section.ValueKind != JsonValueKind.Object) Add(name, Shown(section), "must be an object");
        else return Fields(section, $"{name}.", known);
        return null;
    }

    private Dictionary<string, JsonElement> Fields(JsonElement parent, string path, string[] known)
    {
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var field in parent.EnumerateObject())
        {
            if (!fields.TryAdd(field.Name, field.Value)) Add(path + field.Name, "", "is given twice");
            else if (!known.Contains(field.Name, StringComparer.Ordinal)) _warnings.Add($"{path}{field.Name}: unknown field; it was ignored{Meant(field.Name, known)}");
        }

        return fields;
    }

    private string? Text(Dictionary<string, JsonElement> fields, string path, string name, bool required)
    {
        if (!fields.TryGetValue(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            if (required) Add(path + name, "", "is required");
            return null;
        }

        if (value.ValueKind != JsonValueKind.String) Add(path + name, Shown(value), "must be a text");
        else if (value.GetString() is not { } text) return null;
        else if (text.Length > MaxText) Add(path + name, text[..32] + "…", $"must be at most {MaxText} characters");
        else if (required && text.Length == 0) Add(path + name, "", "is required");
        else return text;
        return null;
    }

    private static string Meant(string name, string[] known) =>
        known.FirstOrDefault(k => k.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } meant ? $" (it is written {meant})" : "";

    private static string? Filled(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static string Shown(JsonElement value) => value.GetRawText() is { Length: > 40 } text ? text[..40] + "…" : value.GetRawText();

    private void Add(string field, string value, string expected) => _faults.Add(new Fault(field, value, expected));
}

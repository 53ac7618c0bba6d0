using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Registry;

/// <summary>A kind as one server serves it: its keys in the store, its bytes, who has a say in its writes.</summary>
internal sealed class RegisteredKind
{
    /// <summary>Every key begins with it.</summary>
    public const string RootPrefix = "/registry/";

    public RegisteredKind(KindInfo info, IEnumerable<IAdmission> admissions)
    {
        Info = info;
        Admissions = [.. admissions.Where(a => a.Kinds.Contains(info))];
        KeyPrefix = $"{RootPrefix}{(info.Group.Length == 0 ? "core" : info.Group)}/{info.Plural}/";
        ObjectPrefix = Encoding.UTF8.GetBytes($$"""{"apiVersion":"{{info.ApiVersion}}","kind":"{{info.Kind}}","metadata":{""");
        FieldPaths = [.. ((string[])["metadata.name", "metadata.namespace"]).Concat(info.SelectableFields)];
        Fields = [.. FieldPaths.Select(FieldPath.Parse)];
        Table = new TableView(info);
    }

    public KindInfo Info { get; }

    public IReadOnlyList<IAdmission> Admissions { get; }

    /// <summary>Ends with a slash.</summary>
    public string KeyPrefix { get; }

    /// <summary>The bytes with which every stored object of this kind begins, up to and with metadata's brace.</summary>
    public byte[] ObjectPrefix { get; }

    /// <summary>What field selectors may name: name, namespace, and the kind's own.</summary>
    public IReadOnlyList<string> FieldPaths { get; }

    public IReadOnlyList<FieldPath> Fields { get; }

    public TableView Table { get; }

    /// <summary><c>plural.group</c>, as messages name it.</summary>
    public string Resource => Info.Group.Length == 0 ? Info.Plural : $"{Info.Plural}.{Info.Group}";

    public string KeyOf(ObjectKey key) =>
        Info.Scope == KindScope.Namespaced ? $"{KeyPrefix}{key.Namespace}/{key.Name}" : $"{KeyPrefix}{key.Name}";

    /// <summary>Where a list or watch of one namespace (null: of all) looks.</summary>
    public string PrefixOf(string? space) => space is null ? KeyPrefix : $"{KeyPrefix}{space}/";

    public ObjectKey ReadKey(string storeKey)
    {
        var rest = storeKey[KeyPrefix.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? new ObjectKey(null, rest) : new ObjectKey(rest[..slash], rest[(slash + 1)..]);
    }

    /// <summary>An object's bytes for the store: type and metadata first, no resourceVersion.</summary>
    public byte[] Encode(JsonObject value)
    {
        using var buffer = new MemoryStream(1024);
        using (var writer = new Utf8JsonWriter(buffer, ObjectBytes.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("apiVersion", Info.ApiVersion);
            writer.WriteString("kind", Info.Kind);
            writer.WriteStartObject("metadata");
            foreach (var (name, member) in value["metadata"]!.AsObject())
            {
                if (name == "resourceVersion" || member is null) continue;
                writer.WritePropertyName(name);
                member.WriteTo(writer);
            }

            writer.WriteEndObject();
            foreach (var (name, member) in value)
            {
                if (name is "apiVersion" or "kind" or "metadata" || member is null) continue;
                writer.WritePropertyName(name);
                member.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }
}

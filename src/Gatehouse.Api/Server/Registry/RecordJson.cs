using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Registry;

/// <summary>Stored bytes to records and back, for callers in the server's own process.</summary>
internal static class RecordJson
{
    public static T Read<T>(ReadOnlyMemory<byte> stored, long revision)
        where T : ApiObject, IKind<T>
    {
        var value = JsonSerializer.Deserialize(stored.Span, T.Info.Json) ?? throw new InvalidDataException($"a stored {T.Info.Kind} is null");
        return value with { Metadata = value.Metadata with { ResourceVersion = revision.ToString(CultureInfo.InvariantCulture) } };
    }

    /// <summary>The record as a body; its type is filled in where the record leaves it empty.</summary>
    public static JsonObject Body<T>(T value)
        where T : ApiObject, IKind<T>
    {
        var body = JsonSerializer.SerializeToNode(value, T.Info.Json)!.AsObject();
        if (value.ApiVersion.Length == 0) body["apiVersion"] = T.Info.ApiVersion;
        if (value.Kind.Length == 0) body["kind"] = T.Info.Kind;
        return body;
    }
}

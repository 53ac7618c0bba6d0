using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Api.Client;

/// <summary>Body of a delete (Kubernetes meta/v1 DeleteOptions).</summary>
internal sealed record DeleteOptions(DeletePreconditions Preconditions)
{
    public string ApiVersion { get; init; } = "v1";

    public string Kind { get; init; } = nameof(DeleteOptions);

    public static ReadOnlyMemory<byte> Encode(DeletePreconditions preconditions) =>
        JsonSerializer.SerializeToUtf8Bytes(new DeleteOptions(preconditions), ClientJson.Default.DeleteOptions);
}

/// <summary>JSON that only clients write.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DeleteOptions))]
internal sealed partial class ClientJson : JsonSerializerContext;

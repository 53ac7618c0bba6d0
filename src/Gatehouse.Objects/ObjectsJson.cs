using System.Text.Json.Serialization;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects;

/// <summary>Source-generated JSON of all kinds: camelCase names and enum values, nulls left out, unknown fields ignored on read.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(Status))]
[JsonSerializable(typeof(ObjectMeta))]
[JsonSerializable(typeof(ListMeta))]
[JsonSerializable(typeof(Cluster))]
[JsonSerializable(typeof(Worker))]
[JsonSerializable(typeof(Subnetwork))]
[JsonSerializable(typeof(AddressLease))]
[JsonSerializable(typeof(FabricService))]
[JsonSerializable(typeof(FabricInstance))]
[JsonSerializable(typeof(Interest))]
[JsonSerializable(typeof(Peer))]
[JsonSerializable(typeof(GatewayHost))]
[JsonSerializable(typeof(Exposure))]
[JsonSerializable(typeof(JoinToken))]
[JsonSerializable(typeof(Lease))]
public sealed partial class ObjectsJson : JsonSerializerContext;

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Proxy.Supervision;

/// <summary>What a parent and its engine tell each other: JSON over a channel, descriptors beside it. A delta follows its message as a message of its own.</summary>
internal sealed record EngineMessage
{
    public required EngineAct Act { get; init; }

    /// <summary>Names for the descriptors that come along, in their order.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>Of a configuration.</summary>
    public long Revision { get; init; }

    /// <summary>How often engines were started because one had died, with <see cref="EngineAct.Start"/>.</summary>
    public int Restarts { get; init; }

    /// <summary>Why something was not done.</summary>
    public string? Problem { get; init; }

    /// <summary>What of a configuration that is in place can't be served, such as a certificate that OpenSSL does not take; all else is.</summary>
    public IReadOnlyList<string>? Faults { get; init; }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, EngineMessageJson.Default.EngineMessage);

    public static EngineMessage Read(byte[] bytes) =>
        JsonSerializer.Deserialize(bytes, EngineMessageJson.Default.EngineMessage) ?? throw new InvalidDataException("an empty message");
}

/// <summary>What a message asks or tells.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EngineAct>))]
internal enum EngineAct
{
    /// <summary>
    /// To the engine, first: load the snapshot, which comes along as a descriptor. When it serves already: put it in place of what it has, whatever that is; answered with
    /// <see cref="Applied"/>.
    /// </summary>
    Start,

    /// <summary>To the engine: here are listening sockets, for the <see cref="Serve"/>, <see cref="Change"/> or <see cref="Start"/> that follows.</summary>
    Listeners,

    /// <summary>To the engine: accept now; all that is needed has come. Answered with <see cref="Ready"/>.</summary>
    Serve,

    /// <summary>To the engine: the next message is a delta. Answered with <see cref="Applied"/>.</summary>
    Change,

    /// <summary>To the engine: end after what is begun, or at the deadline.</summary>
    Drain,

    /// <summary>To the engine: open the access log anew.</summary>
    Reopen,

    /// <summary>From the engine: it accepts.</summary>
    Ready,

    /// <summary>From the engine: the revision is in place, or the problem says why it is not.</summary>
    Applied,

    /// <summary>From the engine: a successor has taken its listeners, and it drains.</summary>
    Replaced,

    /// <summary>From the engine: something that an operator should know.</summary>
    Noticed,

    /// <summary>From the engine: it can't begin; the problem says why.</summary>
    Failed,
}

/// <summary>Source-generated JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineMessage))]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
internal sealed partial class EngineMessageJson : JsonSerializerContext;

using System.Buffers;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Gatehouse.Store;

namespace Gatehouse.Api.Server.Watching;

/// <summary>
/// One write as all watches of its kind share it: what selectors ask of it is read once, each form of its bytes is made once, each record is read once.
/// </summary>
/// <remarks>Safe for any thread; those that want the same form at the same moment wait for the first of them, which makes it.</remarks>
internal sealed class WatchChange(RegisteredKind kind, StoreEvent source, ApiServerMetrics metrics)
{
    private readonly Lock _making = new();
    private readonly byte[]?[] _frames = new byte[]?[3];
    private object? _now;
    private object? _before;

    public RegisteredKind Kind => kind;

    public long Revision => source.Revision;

    /// <summary>Bytes that it holds on to.</summary>
    public long Size => (source.Value?.Length ?? 0) + (source.Previous?.Value.Length ?? 0) + 256;

    /// <summary>The object after the write; null when that deleted it.</summary>
    public ObjectFacts? Now { get; } = source.Value is { } value ? ObjectFacts.Read(kind, value) : null;

    /// <summary>The object before the write; null when that created it.</summary>
    public ObjectFacts? Before { get; } = source.Previous is { } previous ? ObjectFacts.Read(kind, previous.Value) : null;

    /// <summary>What the write is to a selection: an object that stops matching is deleted for it, one that starts to is added. Null: nothing.</summary>
    public ObjectEventType? For(ObjectFilter filter) => (filter.Matches(Before), filter.Matches(Now)) switch
    {
        (false, true) => ObjectEventType.Added,
        (true, true) => ObjectEventType.Modified,
        (true, false) => ObjectEventType.Deleted,
        (false, false) => null,
    };

    /// <summary>The line of a watch's answer.</summary>
    public byte[] Frame(ObjectEventType type)
    {
        ref var slot = ref _frames[(int)type];
        if (Volatile.Read(ref slot) is { } made) return made;
        lock (_making)
        {
            if (slot is null) Volatile.Write(ref slot, Encode(type));
            return slot;
        }
    }

    /// <summary>The object as its record, with the event's revision; of a delete the state before.</summary>
    public T Read<T>(ObjectEventType type)
        where T : ApiObject, IKind<T>
    {
        ref var slot = ref type == ObjectEventType.Deleted ? ref _before : ref _now;
        if (Volatile.Read(ref slot) is { } made) return (T)made;
        lock (_making)
        {
            if (slot is null) Volatile.Write(ref slot, RecordJson.Read<T>(Bytes(type), Revision));
            return (T)slot;
        }
    }

    private ReadOnlyMemory<byte> Bytes(ObjectEventType type) => type == ObjectEventType.Deleted ? source.Previous!.Value : source.Value!.Value;

    private byte[] Encode(ObjectEventType type)
    {
        var bytes = Bytes(type);
        var buffer = new ArrayBufferWriter<byte>(bytes.Length + 96);
        WatchFrames.Begin(buffer, type);
        ObjectBytes.Write(buffer, kind, bytes.Span, Revision);
        buffer.Write("}\n"u8);
        metrics.Encoded(kind);
        return buffer.WrittenSpan.ToArray();
    }
}

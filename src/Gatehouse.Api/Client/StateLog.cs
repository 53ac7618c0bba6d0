using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>What follows the checksum in each line of a log but the first.</summary>
/// <param name="ResourceVersion">Of the informer's state when the line was written.</param>
/// <param name="Object">What there is now; absent when <paramref name="Name"/> is gone.</param>
internal sealed record StateChange(string ResourceVersion, DateTimeOffset? ConfirmedAt, string? Namespace, string? Name, JsonElement? Object);

/// <summary>
/// What changed since a state file was written, beside it as <c>FILE.log</c>, so that a change of one object is not a write of all. The first line names the state file
/// by its checksum; every other is <c>HEX JSON</c>, of which the sixteen digits are drawn from the JSON and all lines before it. A line that was cut, the last one of a
/// process that was killed, does not count, nor what comes after one that was changed.
/// </summary>
/// <remarks>One writer.</remarks>
internal sealed class StateLog<T>(string path)
    where T : ApiObject, IKind<T>
{
    private const int SumBytes = 8;
    private const int SumDigits = SumBytes * 2;

    private byte[] _chain = [];
    private long _length;

    /// <summary>Where the log of a state file lies.</summary>
    public static string PathOf(string file) => file + ".log";

    /// <summary>Forgets the log: there is another state file.</summary>
    /// <exception cref="IOException">The former log is still there; it does not name the new state file.</exception>
    public void Begin(byte[] checksum)
    {
        (_chain, _length) = (checksum, 0);
        File.Delete(path);
    }

    /// <summary>Adds what objects have become, flushed to the disk.</summary>
    /// <exception cref="IOException">The log ends with what it had, or with a line that does not count; <see cref="Begin"/> it anew.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Append(InformerState<T> state, IEnumerable<ObjectKey> changed)
    {
        var lines = new MemoryStream();
        var buffer = new ArrayBufferWriter<byte>();
        var chain = _chain;
        if (_length == 0) lines.Write(HeaderOf(_chain));
        foreach (var key in changed)
        {
            var json = Json(state, key, buffer);
            chain = Next(chain, json);
            lines.Write(Encoding.ASCII.GetBytes(Digits(chain)));
            lines.WriteByte((byte)' ');
            lines.Write(json);
            lines.WriteByte((byte)'\n');
        }

        using (var file = new FileStream(path, AtomicFile.Private(FileMode.OpenOrCreate)))
        {
            if (file.Length != _length) throw new IOException($"{path} has {file.Length} bytes and not the {_length} that were written");
            file.Position = _length;
            lines.WriteTo(file);
            file.Flush(flushToDisk: true);
        }

        (_chain, _length) = (chain, _length + lines.Length);
    }

    /// <summary>The state that a file and its log make together. A log of another state file does not count.</summary>
    /// <returns>And why the log is not trusted to its end; null when it is.</returns>
    /// <exception cref="IOException">The log can't be read.</exception>
    public (InformerState<T> State, string? Fault) Replay(InformerState<T> state, byte[] checksum)
    {
        if (!File.Exists(path)) return (state, null);
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        var header = HeaderOf(checksum);
        if (!rest.StartsWith(header)) return (state, null);
        rest = rest[header.Length..];
        var (chain, count) = (checksum, 0);
        var objects = state.Objects.ToBuilder();
        while (rest.IndexOf((byte)'\n') is >= 0 and var end)
        {
            count++;
            var line = rest[..end];
            rest = rest[(end + 1)..];
            var json = line[Math.Min(SumDigits + 1, line.Length)..];
            chain = Next(chain, json);
            if (!line.StartsWith(Encoding.ASCII.GetBytes(Digits(chain) + " "))) return (state with { Objects = objects.ToImmutable() }, $"change {count} in {path} was changed: its checksum does not fit");
            state = Apply(state, objects, JsonSerializer.Deserialize(json, StateJson.Default.StateChange)!);
        }

        return (state with { Objects = objects.ToImmutable() }, null);
    }

    private static InformerState<T> Apply(InformerState<T> state, ImmutableDictionary<ObjectKey, T>.Builder objects, StateChange change)
    {
        if (change.Object is { } json)
        {
            var value = ObjectCodec.Decode<T>(Encoding.UTF8.GetBytes(json.GetRawText()));
            objects[value.Key] = value;
        }
        else
        {
            objects.Remove(new ObjectKey(change.Namespace, change.Name!));
        }

        return state with { Revision = change.ResourceVersion, ConfirmedAt = change.ConfirmedAt };
    }

    private static ReadOnlySpan<byte> Json(InformerState<T> state, ObjectKey key, ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("resourceVersion"u8, state.Revision);
            if (state.ConfirmedAt is { } at) json.WriteString("confirmedAt"u8, at);
            if (state.Objects.TryGetValue(key, out var value))
            {
                json.WritePropertyName("object"u8);
                JsonSerializer.Serialize(json, value, T.Info.Json);
            }
            else
            {
                if (key.Namespace is { } space) json.WriteString("namespace"u8, space);
                json.WriteString("name"u8, key.Name);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan;
    }

    private static byte[] HeaderOf(byte[] checksum) => Encoding.ASCII.GetBytes($"gatehouse-state-log {Convert.ToHexStringLower(checksum)}\n");

    private static byte[] Next(byte[] chain, ReadOnlySpan<byte> json)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(chain);
        hash.AppendData(json);
        return hash.GetHashAndReset();
    }

    private static string Digits(byte[] chain) => Convert.ToHexStringLower(chain.AsSpan(0, SumBytes));
}

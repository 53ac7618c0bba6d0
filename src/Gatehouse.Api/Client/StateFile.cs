using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>First line of a state file.</summary>
/// <param name="Format">Of the file; 1.</param>
/// <param name="ConfirmedAt">When the server last said that this is the state.</param>
/// <param name="Count">Lines that follow, an object each.</param>
internal sealed record StateHeader(int Format, string ApiVersion, string Kind, Selection Selection, string ResourceVersion, DateTimeOffset? ConfirmedAt, int Count);

/// <summary>What came of reading a state file.</summary>
/// <param name="State">Null when there is none to trust.</param>
/// <param name="Refusal">Why the file is not trusted, or not to its end; null when it is, or when there is no file.</param>
internal sealed record StateLoad<T>(InformerState<T>? State, string? Refusal)
    where T : ApiObject, IKind<T>;

/// <summary>
/// An informer's state on disk: a header, one object in each line, and <c>sha256:HEX</c> over all of that in the last. A file that was cut, flipped, or made for
/// something else is refused whole and set aside as <c>FILE.refused</c>. What changed after it was written is in its <see cref="StateLog{T}"/>.
/// </summary>
internal sealed class StateFile<T>(string path, Selection selection, int format = 1)
    where T : ApiObject, IKind<T>
{
    private const string TrailerStart = "sha256:";
    private const int TrailerLength = 7 + 64 + 1;
    private const long MaxBytes = 1L << 30;

    private readonly StateLog<T> _log = new(StateLog<T>.PathOf(path));

    /// <summary>Where a file goes that was not trusted.</summary>
    public string RefusedPath => path + ".refused";

    /// <summary>Writes all of it.</summary>
    /// <exception cref="IOException">The former file is still there, or this one is and its log can't be begun.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Write(InformerState<T> state)
    {
        byte[] checksum = [];
        AtomicFile.Replace(path, file =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var header = new StateHeader(format, T.Info.ApiVersion, T.Info.Kind, selection, state.Revision, state.ConfirmedAt, state.Objects.Count);
            AppendLine(file, hash, JsonSerializer.SerializeToUtf8Bytes(header, StateJson.Default.StateHeader));
            foreach (var value in state.Objects.Values) AppendLine(file, hash, JsonSerializer.SerializeToUtf8Bytes(value, T.Info.Json));
            checksum = hash.GetHashAndReset();
            file.Write(Encoding.ASCII.GetBytes($"{TrailerStart}{Convert.ToHexStringLower(checksum)}\n"));
        });
        _log.Begin(checksum);
    }

    /// <summary>Writes what became of some objects since the last <see cref="Write"/> or append.</summary>
    /// <exception cref="IOException">They are not on disk, or not all of them: write all of it.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Append(InformerState<T> state, IEnumerable<ObjectKey> changed) => _log.Append(state, changed);

    /// <summary>Says on the file itself that its content still holds, without writing it again.</summary>
    public void Confirm(DateTimeOffset at)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, at.UtcDateTime);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The age on disk stays too high, which is the safe side; the next write will report the disk.
        }
    }

    /// <summary>Never throws for what the file holds.</summary>
    public StateLoad<T> Read(DateTimeOffset now)
    {
        try
        {
            if (File.Exists(AtomicFile.TemporaryOf(path))) File.Delete(AtomicFile.TemporaryOf(path));
            if (!File.Exists(path)) return new(null, null);
            if (new FileInfo(path).Length is var length and > MaxBytes) return Refuse($"{length} bytes are more than any state has");
            var (written, checksum) = Parse(File.ReadAllBytes(path));
            var (state, fault) = _log.Replay(written, checksum);
            return new(state with { ConfirmedAt = LaterOf(state.ConfirmedAt, File.GetLastWriteTimeUtc(path), now) }, fault is null ? null : $"{fault}; the state before it is served");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return Refuse(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(null, $"state file {path}: {e.Message}");
        }
    }

    private (InformerState<T> State, byte[] Checksum) Parse(ReadOnlySpan<byte> content)
    {
        if (content.Length < TrailerLength || !content[^TrailerLength..].StartsWith("sha256:"u8) || content[^1] != '\n') throw new FormatException("it was cut: the last line is no checksum");
        var body = content[..^TrailerLength];
        var claimed = Encoding.ASCII.GetString(content[^(TrailerLength - TrailerStart.Length)..^1]);
        var checksum = SHA256.HashData(body);
        if (claimed != Convert.ToHexStringLower(checksum)) throw new FormatException("it was changed: the checksum does not fit");
        var header = JsonSerializer.Deserialize(NextLine(ref body), StateJson.Default.StateHeader) ?? throw new FormatException("it has no header");
        RequireOurs(header);
        var objects = ImmutableDictionary.CreateBuilder<ObjectKey, T>();
        while (!body.IsEmpty)
        {
            var value = ObjectCodec.Decode<T>(NextLine(ref body));
            objects[value.Key] = value;
        }

        if (objects.Count != header.Count) throw new FormatException($"it announces {header.Count} objects and holds {objects.Count}");
        return (new InformerState<T>(objects.ToImmutable(), header.ResourceVersion, header.ConfirmedAt), checksum);
    }

    private void RequireOurs(StateHeader header)
    {
        if (header.Format != format) throw new FormatException($"its format is {header.Format}, not {format}");
        if (header.Kind != T.Info.Kind || header.ApiVersion != T.Info.ApiVersion) throw new FormatException($"it holds {header.ApiVersion} {header.Kind}");
        if (header.Selection != selection) throw new FormatException($"it was made for another selection: {header.Selection}");
    }

    private StateLoad<T> Refuse(string why)
    {
        try
        {
            File.Move(path, RefusedPath, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(null, $"state file {path} is not trusted: {why}; it can't be set aside: {e.Message}");
        }

        return new(null, $"state file {path} is not trusted: {why}; it is kept as {RefusedPath}");
    }

    /// <summary>The file's own time counts when it is later (<see cref="Confirm"/>) and not in the future (a clock that was set back, a copied file).</summary>
    private static DateTimeOffset? LaterOf(DateTimeOffset? written, DateTime touched, DateTimeOffset now)
    {
        var confirmed = new DateTimeOffset(touched, TimeSpan.Zero);
        return written is { } at && confirmed > at && confirmed <= now ? confirmed : written;
    }

    private static ReadOnlySpan<byte> NextLine(ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)'\n');
        if (end < 0) throw new FormatException("a line has no end");
        var line = rest[..end];
        rest = rest[(end + 1)..];
        return line;
    }

    private static void AppendLine(Stream file, IncrementalHash hash, ReadOnlySpan<byte> json)
    {
        file.Write(json);
        file.Write("\n"u8);
        hash.AppendData(json);
        hash.AppendData("\n"u8);
    }
}

/// <summary>JSON of state files' headers and logs.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StateHeader))]
[JsonSerializable(typeof(StateChange))]
internal sealed partial class StateJson : JsonSerializerContext;

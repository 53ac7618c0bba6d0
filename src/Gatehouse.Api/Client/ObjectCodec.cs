using System.Buffers;
using System.Text.Json;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>Objects, lists and watch events as they stand on the wire and in state files.</summary>
internal static class ObjectCodec
{
    /// <summary>The object with its type filled in when the caller left it out.</summary>
    public static ReadOnlyMemory<byte> Encode<T>(T value)
        where T : ApiObject, IKind<T> =>
        JsonSerializer.SerializeToUtf8Bytes(Typed(value), T.Info.Json);

    /// <summary>Several objects as a list to be created.</summary>
    public static ReadOnlyMemory<byte> EncodeMany<T>(IReadOnlyList<T> values)
        where T : ApiObject, IKind<T>
    {
        var buffer = new ArrayBufferWriter<byte>(256 * values.Count);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteString("kind"u8, $"{T.Info.Kind}List");
        writer.WriteString("apiVersion"u8, T.Info.ApiVersion);
        writer.WriteStartArray("items"u8);
        foreach (var value in values) JsonSerializer.Serialize(writer, Typed(value), T.Info.Json);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>What became of the objects of such a list: in each one's place the object, or a Status.</summary>
    /// <exception cref="JsonException">The bytes are no list, or an item is neither.</exception>
    public static IReadOnlyList<CreateOutcome<T>> DecodeOutcomes<T>(ReadOnlySpan<byte> json)
        where T : ApiObject, IKind<T>
    {
        var outcomes = new List<CreateOutcome<T>>();
        var reader = new Utf8JsonReader(json);
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "a list is an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isItems = reader.ValueTextEquals("items"u8);
            reader.Read();
            if (!isItems || reader.TokenType != JsonTokenType.StartArray)
            {
                reader.Skip();
                continue;
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                var item = json[start..(int)reader.BytesConsumed];
                outcomes.Add(IsStatus(item) && ApiAnswer.TryReadStatus(item) is { } refusal ? new(null, refusal) : new(Decode<T>(item), null));
            }
        }

        return outcomes;
    }

    /// <exception cref="JsonException">The bytes are no object of this kind.</exception>
    public static T Decode<T>(ReadOnlySpan<byte> json)
        where T : ApiObject, IKind<T> =>
        Typed(JsonSerializer.Deserialize(json, T.Info.Json) ?? throw new JsonException("null instead of an object"));

    /// <summary>Adds a list's items to <paramref name="items"/>. What does not fit the kind is left out and handed to <paramref name="unreadable"/>, so that one object of a newer version doesn't hide all others.</summary>
    /// <exception cref="JsonException">The bytes are no list.</exception>
    public static ListMeta DecodeList<T>(ReadOnlySpan<byte> json, List<T> items, Action<JsonException> unreadable)
        where T : ApiObject, IKind<T>
    {
        var reader = new Utf8JsonReader(json);
        ListMeta? meta = null;
        var hasItems = false;
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "a list is an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMeta = reader.ValueTextEquals("metadata"u8);
            var isItems = reader.ValueTextEquals("items"u8);
            reader.Read();
            if (isMeta) meta = JsonSerializer.Deserialize(ref reader, ObjectsJson.Default.ListMeta);
            else if (isItems) hasItems = ReadItems(ref reader, items, unreadable);
            else reader.Skip();
        }

        Expect(hasItems && meta?.ResourceVersion is not null, "a list has items and metadata.resourceVersion");
        return meta!;
    }

    /// <summary>One line of a watch.</summary>
    /// <exception cref="ApiStatusException">The server ends the watch with a reason.</exception>
    /// <exception cref="JsonException">The line is no event.</exception>
    public static ObjectEvent<T> DecodeEvent<T>(ReadOnlySpan<byte> line, Action<JsonException> unreadable)
        where T : ApiObject, IKind<T>
    {
        var name = SplitEvent(line, out var json);
        if (name == "ERROR") throw new ApiStatusException(ApiAnswer.TryReadStatus(json) ?? throw new JsonException("an ERROR event without a Status"));
        var type = name switch
        {
            "ADDED" => ObjectEventType.Added,
            "MODIFIED" => ObjectEventType.Modified,
            "DELETED" => ObjectEventType.Deleted,
            "BOOKMARK" => ObjectEventType.Bookmark,
            _ => throw new JsonException($"an event of type '{name}'"),
        };
        if (type == ObjectEventType.Bookmark) return new ObjectEvent<T>(type, null, RevisionOf(json));
        try
        {
            var value = Decode<T>(json);
            return new ObjectEvent<T>(type, value, value.Metadata.ResourceVersion ?? throw new JsonException("an event whose object has no metadata.resourceVersion"));
        }
        catch (JsonException e) when (e.Path is not null)
        {
            unreadable(e);
            return new ObjectEvent<T>(ObjectEventType.Bookmark, null, RevisionOf(json));
        }
    }

    private static T Typed<T>(T value)
        where T : ApiObject, IKind<T>
    {
        if (value.Kind.Length > 0 && value.ApiVersion.Length > 0) return value;
        ApiObject untyped = value;
        return (T)(untyped with { ApiVersion = T.Info.ApiVersion, Kind = T.Info.Kind });
    }

    private static bool ReadItems<T>(ref Utf8JsonReader reader, List<T> items, Action<JsonException> unreadable)
        where T : ApiObject, IKind<T>
    {
        if (reader.TokenType == JsonTokenType.Null) return true;
        Expect(reader.TokenType == JsonTokenType.StartArray, "items is an array");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = reader;
            try
            {
                if (JsonSerializer.Deserialize(ref reader, T.Info.Json) is { } item) items.Add(Typed(item));
            }
            catch (JsonException e)
            {
                reader = start;
                reader.Skip();
                unreadable(e);
            }
        }

        return true;
    }

    /// <summary>The event's type and the bytes of its object; the two may come in any order.</summary>
    private static string SplitEvent(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(line);
        string? type = null;
        json = default;
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "an event is an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isObject = reader.ValueTextEquals("object"u8);
            reader.Read();
            if (isType) type = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            if (!isObject)
            {
                reader.Skip();
                continue;
            }

            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            json = line[start..(int)reader.BytesConsumed];
        }

        Expect(type is not null && json.Length > 0, "an event has type and object");
        return type!;
    }

    /// <summary>Whether an object says that it is a Status; the kind comes first or second, so that hardly anything is read.</summary>
    private static bool IsStatus(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isKind = reader.ValueTextEquals("kind"u8);
            reader.Read();
            if (isKind) return reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("Status"u8);
            reader.Skip();
        }

        return false;
    }

    /// <summary>The revision alone, of an object of any shape.</summary>
    private static string RevisionOf(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "an event's object is an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMeta = reader.ValueTextEquals("metadata"u8);
            reader.Read();
            if (isMeta && JsonSerializer.Deserialize(ref reader, ObjectsJson.Default.ListMeta)?.ResourceVersion is { } revision) return revision;
            if (!isMeta) reader.Skip();
        }

        throw new JsonException("an event whose object has no metadata.resourceVersion");
    }

    private static void Expect(bool holds, string what)
    {
        if (!holds) throw new JsonException(what);
    }
}

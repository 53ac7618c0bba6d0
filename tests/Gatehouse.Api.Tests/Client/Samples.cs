using System.Globalization;
using System.Text.Json;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Tests.Client;

/// <summary>Objects and events that the client's tests share.</summary>
internal static class Samples
{
    public static Interest Interest(string name, long revision, string uid = "u", string query = "q") => new()
    {
        ApiVersion = Interest_.ApiVersion,
        Kind = Interest_.Kind,
        Metadata = new ObjectMeta { Name = name, Uid = $"{uid}-{name}", ResourceVersion = revision.ToString(CultureInfo.InvariantCulture) },
        Spec = new InterestSpec { Holder = "w1", Query = query },
    };

    public static ObjectEvent<Interest> Added(string name, long revision, string uid = "u") => new(ObjectEventType.Added, Interest(name, revision, uid), $"{revision}");

    public static ObjectEvent<Interest> Modified(string name, long revision, string uid = "u") => new(ObjectEventType.Modified, Interest(name, revision, uid), $"{revision}");

    public static ObjectEvent<Interest> Deleted(string name, long revision, string uid = "u") => new(ObjectEventType.Deleted, Interest(name, revision, uid), $"{revision}");

    public static ObjectEvent<Interest> Bookmark(long revision) => new(ObjectEventType.Bookmark, null, $"{revision}");

    public static ObjectList<Interest> List(long revision, params Interest[] items) => new(items, $"{revision}");

    public static string Json(Interest value) => JsonSerializer.Serialize(value, ObjectsJson.Default.Interest);

    /// <summary>A list as the wire has it.</summary>
    public static string ListJson(long revision, params Interest[] items) =>
        $$"""{"kind":"InterestList","apiVersion":"{{Interest_.ApiVersion}}","metadata":{"resourceVersion":"{{revision}}"},"items":[{{string.Join(',', items.Select(Json))}}]}""";

    /// <summary>A line of a watch.</summary>
    public static string Line(string type, Interest value) => $$"""{"type":"{{type}}","object":{{Json(value)}}}""" + "\n";

    public static string BookmarkLine(long revision) =>
        $$$"""{"type":"BOOKMARK","object":{"kind":"Interest","apiVersion":"{{{Interest_.ApiVersion}}}","metadata":{"resourceVersion":"{{{revision}}}" } } }""" + "\n";

    public static string ErrorLine(int code, string reason) =>
        $$$"""{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"scripted","reason":"{{{reason}}}","code":{{{code}}}}}""" + "\n";

    /// <summary>Events as a reader of a test's failure likes them: <c>Added a@1, Deleted b@2</c>.</summary>
    public static string Text(IEnumerable<ObjectEvent<Interest>> events) => string.Join(", ", events.Select(e => $"{e.Type} {e.Object?.Key.Name}@{e.ResourceVersion}"));

    private static class Interest_
    {
        public static string ApiVersion => Objects.Kinds.Interest.Info.ApiVersion;

        public static string Kind => Objects.Kinds.Interest.Info.Kind;
    }
}

using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of a route and of what it matches.</summary>
internal static class RouteForm
{
    private static readonly PathMatch AllPaths = new(PathMatchKind.Prefix, "/");

    private static readonly Field<FixedResponse, int> Status = new("status", new NumberShape<int>(200, 599), r => r.Status, 0, "The status code.") { Required = true };

    private static readonly Field<FixedResponse, string> Body = new("body", new TextShape("text", TextRules.Anything, canBeEmpty: true), r => r.Body, "", "The body, at most 16 KB in UTF-8.");

    private static readonly Field<FixedResponse, string> ContentType = new("contentType", new TextShape("a media type", TextRules.FieldValue), r => r.ContentType, "text/plain; charset=utf-8", "The body's media type.");

    private static readonly Field<FixedResponse, string?> Location = new("location", new TextShape("a URL", TextRules.Location)!, r => r.Location, null, "Where to look instead, for 3xx.");

    private static readonly ObjectShape<FixedResponse> ResponseShape = new("response", "An answer that needs no upstream.", [Status, Body, ContentType, Location],
        static v => new FixedResponse { Status = Status.From(v), Body = Body.From(v), ContentType = ContentType.From(v), Location = Location.From(v) })
    {
        Rule = RouteRules.CheckResponse,
        Short = new ShortForm<FixedResponse, int>("status", Status.Shape, static status => new FixedResponse { Status = status }),
    };

    /// <summary>The name of a field or parameter; of which kind is looked at in the rules.</summary>
    private static readonly Field<ValueMatch, string> MatchName = new("name", new TextShape("a name", TextRules.Anything), m => m.Name, "", "The field's name, in any case, or the parameter's as it is.") { Required = true };

    private static readonly Field<ValueMatch, string?> MatchExact = new("exact", new TextShape("text", TextRules.Anything, canBeEmpty: true)!, m => m.Kind == ValueMatchKind.Exact ? m.Value : null, null, "The value and nothing else.") { Group = "match" };

    private static readonly Field<ValueMatch, string?> MatchRegex = new("regex", Shapes.Regex!, m => m.Kind == ValueMatchKind.Regex ? m.Value : null, null, "A regular expression that must match all of the value.") { Group = "match" };

    private static readonly Field<ValueMatch, bool?> MatchPresent = new("present", new NullableShape<bool>(Shapes.Truth), m => m.Kind switch
    {
        ValueMatchKind.Present => true,
        ValueMatchKind.Absent => false,
        _ => null,
    }, null, "true: any value; false: it must not be there.")
    { Group = "match" };

    private static readonly ObjectShape<ValueMatch> MatchShape = new("valueMatch", "A header field or query parameter with what its value must be. With the name alone: it must be there.", [MatchName, MatchExact, MatchRegex, MatchPresent], static v =>
        MatchRegex.From(v) is { } regex ? new(MatchName.From(v), ValueMatchKind.Regex, regex)
        : MatchPresent.From(v) is { } present ? new(MatchName.From(v), present ? ValueMatchKind.Present : ValueMatchKind.Absent)
        : MatchExact.From(v) is { } exact ? new(MatchName.From(v), ValueMatchKind.Exact, exact)
        : new(MatchName.From(v), ValueMatchKind.Present));

    private static readonly ListShape<ValueMatch> Matches = new(MatchShape, 16, lone: false, static (name, text) => new ValueMatch(name, ValueMatchKind.Exact, text));

    private static readonly TextShape PathText = new("a path that begins with /", TextRules.Path, "^/[^?#]*$");

    private static readonly Field<Route, string> Name = new("name", Shapes.Name, r => r.Name, "", "Its name, unique in its virtual host. Default: route- and its place there, from 1.");

    private static readonly Field<Route, string?> Path = new("path", PathText!, r => r.Path.Kind == PathMatchKind.Prefix && r.Path.Value != "/" ? r.Path.Value : null, null,
        "Whole segments from the start: /a takes /a and /a/b and not /ab. Without path, exact and regex: all paths.")
    { Group = "path" };

    private static readonly Field<Route, string?> Exact = new("exact", PathText!, r => r.Path.Kind == PathMatchKind.Exact ? r.Path.Value : null, null, "This path and no other.") { Group = "path" };

    private static readonly Field<Route, string?> Regex = new("regex", Shapes.Regex!, r => r.Path.Kind == PathMatchKind.Regex ? r.Path.Value : null, null,
        "A regular expression without back-references and look-around, matched from the start of the path.")
    { Group = "path" };

    private static readonly Field<Route, EquatableArray<string>> Methods = new("methods", new ListShape<string>(new TextShape("a method in capitals", TextRules.Method, "^[A-Z!#$%&'*+.^_`|~0-9-]+$"), 32), r => r.Methods, [], "Methods. Without them: all.");

    private static readonly Field<Route, EquatableArray<ValueMatch>> Headers = new("headers", Matches, r => r.Headers, [], "Header fields, all of which must match. As a mapping: names with their exact values.");

    private static readonly Field<Route, EquatableArray<ValueMatch>> Query = new("query", Matches, r => r.Query, [], "Query parameters, all of which must match; of several with one name the first counts. As a mapping: names with their exact values.");

    private static readonly Field<Route, int> Priority = new("priority", new NumberShape<int>(-1_000_000, 1_000_000), r => r.Priority, 0, "Higher is asked first.");

    private static readonly Field<Route, string?> To = new("to", Shapes.Reference!, r => r.Upstream, null, "The name of the upstream. Either this or respond.") { Synonym = "upstream", Group = "to" };

    private static readonly Field<Route, FixedResponse?> Respond = new("respond", ResponseShape!, r => r.Respond, null, "An answer from here; a number alone is its status.") { Group = "to" };

    private static readonly Field<Route, long?> BodyBytes = new("bodyBytes", new NullableShape<long>(Shapes.BodyBytes), r => r.BodyBytes, null, "Bytes of a request's body; 0: any number. Without it: the listener's.");

    private static readonly Field<Route, bool> Upgrade = new("upgrade", Shapes.Truth, r => r.Upgrade, standard: true, "Whether a request may change the protocol (WebSocket).");

    public static ObjectShape<Route> Shape { get; } = new("route", "What matches and where it goes.", [Name, Path, Exact, Regex, Methods, Headers, Query, Priority, To, Respond, BodyBytes, Upgrade], static v => new Route
    {
        Name = Name.From(v),
        Path = Exact.From(v) is { } exact ? new(PathMatchKind.Exact, exact) : Regex.From(v) is { } regex ? new(PathMatchKind.Regex, regex) : Path.From(v) is { } prefix ? new(PathMatchKind.Prefix, prefix) : AllPaths,
        Methods = Methods.From(v),
        Headers = Headers.From(v),
        Query = Query.From(v),
        Priority = Priority.From(v),
        Upstream = To.From(v),
        Respond = Respond.From(v),
        BodyBytes = BodyBytes.From(v),
        Upgrade = Upgrade.From(v),
    })
    {
        Rule = RouteRules.Check,
    };

    /// <summary>Keys of a virtual host that has one route, which takes all paths.</summary>
    public static Field<VirtualHost>[] Inline(Field<VirtualHost> routes) =>
    [
        new OtherField<VirtualHost>("to", routes, static (node, reading) => Shapes.Reference.TryRead(node, reading, out var name) ? One(new Route { Name = "", Upstream = name }) : null,
            Shapes.Reference.Words, new JsonObject { ["type"] = "string" }, "In place of routes: the upstream for all paths.", "", "to") { Group = "routes", Synonym = "upstream" },
        new OtherField<VirtualHost>("respond", routes, static (node, reading) => ResponseShape.TryRead(node, reading, out var answer) ? One(new Route { Name = "", Respond = answer }) : null,
            ResponseShape.Words, new JsonObject { ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "integer" }, new JsonObject { ["$ref"] = "#/definitions/response" }) }, "In place of routes: the answer for all paths.", "", "respond") { Group = "routes" },
    ];

    private static EquatableArray<Route> One(Route route) => [route];
}

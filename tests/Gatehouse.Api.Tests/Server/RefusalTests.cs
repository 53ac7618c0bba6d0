using System.Text.Json.Nodes;

namespace Gatehouse.Api.Tests.Server;

public sealed class RefusalTests
{
    private const string Json = "application/json";
    private const string Merge = "application/merge-patch+json";

    public static TheoryData<string, string, string?, string?, int, string, string> Requests => new()
    {
        { "POST", Bodies.Workers, "{", Json, 400, "BadRequest", "no valid JSON" },
        { "POST", Bodies.Workers, "", Json, 400, "BadRequest", "no valid JSON" },
        { "POST", Bodies.Workers, "[]", Json, 400, "BadRequest", "must be a JSON object" },
        { "POST", Bodies.Workers, "null", Json, 400, "BadRequest", "must be a JSON object" },
        { "POST", Bodies.Workers, """{"kind":"Worker","kind":"Peer"}""", Json, 400, "BadRequest", "kind" },
        { "POST", Bodies.Workers, """{"apiVersion":"gatehouse.dev/v1"}""", Json, 400, "BadRequest", "Object 'kind' is missing" },
        { "POST", Bodies.Workers, """{"kind":"Worker"}""", Json, 400, "BadRequest", "Object 'apiVersion' is missing" },
        { "POST", Bodies.Workers, """{"apiVersion":"gatehouse.dev/v1","kind":"Peer"}""", Json, 400, "BadRequest", "the kind in the data (Peer) does not match the expected kind (Worker)" },
        { "POST", Bodies.Workers, """{"apiVersion":"v1","kind":"Worker"}""", Json, 400, "BadRequest", "does not match the expected apiVersion" },
        { "POST", Bodies.Workers, """{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":[]}""", Json, 400, "BadRequest", "metadata must be an object" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","resourceVersion":"4" """), Json, 400, "BadRequest", "resourceVersion should not be set" },
        { "POST", Bodies.Workers, Bodies.Worker("No.Good_Name"), Json, 422, "Invalid", "metadata.name" },
        { "POST", Bodies.Workers, Bodies.Worker(""), Json, 422, "Invalid", "metadata.name" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","labels":{"a b":"c"}"""), Json, 422, "Invalid", "metadata.labels" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","labels":{"a":1}"""), Json, 422, "Invalid", "metadata.labels[a]" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","labels":"x" """), Json, 422, "Invalid", "metadata.labels" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","namespace":"ns" """), Json, 422, "Invalid", "has no namespace" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","finalizers":["no good"]"""), Json, 422, "Invalid", "metadata.finalizers[0]" },
        { "POST", Bodies.Workers, Bodies.Worker("w", metadata: ""","ownerReferences":[{"kind":"Worker"}]"""), Json, 422, "Invalid", "metadata.ownerReferences[0].uid" },
        { "POST", Bodies.Workers, Bodies.Worker("w", "not-an-address"), Json, 422, "Invalid", "spec.underlay" },
        { "POST", Bodies.Workers, """{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"name":"w"},"spec":7}""", Json, 422, "Invalid", "spec" },
        { "POST", Bodies.Workers, Bodies.Worker("w"), "application/yaml", 415, "UnsupportedMediaType", "application/json" },
        { "POST", Bodies.Workers, Bodies.Worker("w"), "application/vnd.kubernetes.protobuf", 415, "UnsupportedMediaType", "application/json" },
        { "POST", Bodies.Workers + "?dryRun=All", Bodies.Worker("w"), Json, 400, "BadRequest", "dryRun" },
        { "POST", Bodies.Workers + "/w1", Bodies.Worker("w1"), Json, 405, "MethodNotAllowed", "POST" },
        { "PUT", Bodies.Workers, Bodies.Worker("w1"), Json, 405, "MethodNotAllowed", "PUT" },
        { "DELETE", Bodies.Workers, null, null, 405, "MethodNotAllowed", "DELETE" },
        { "DELETE", Bodies.Workers + "/seen/status", null, null, 405, "MethodNotAllowed", "DELETE" },
        { "POST", "/apis", "{}", Json, 405, "MethodNotAllowed", "/apis" },
        { "PUT", Bodies.Workers + "/none", Bodies.Worker("none"), Json, 404, "NotFound", "\"none\" not found" },
        { "PUT", Bodies.Workers + "/seen", Bodies.Worker("other"), Json, 400, "BadRequest", "does not match the name on the URL" },
        { "PUT", Bodies.Workers + "/seen", Bodies.Worker("seen", metadata: ""","resourceVersion":"x" """), Json, 422, "Invalid", "metadata.resourceVersion" },
        { "PUT", Bodies.Workers + "/seen", Bodies.Worker("seen", metadata: ""","resourceVersion":1"""), Json, 422, "Invalid", "metadata.resourceVersion" },
        { "PATCH", Bodies.Workers + "/seen", "{}", Json, 415, "UnsupportedMediaType", Merge },
        { "PATCH", Bodies.Workers + "/seen", "{}", null, 415, "UnsupportedMediaType", Merge },
        { "PATCH", Bodies.Workers + "/seen", "[]", "application/json-patch+json", 415, "UnsupportedMediaType", Merge },
        { "PATCH", Bodies.Workers + "/seen", "7", Merge, 400, "BadRequest", "must be a JSON object" },
        { "PATCH", Bodies.Workers + "/seen", """{"metadata":null}""", Merge, 200, "", "" },
        { "PATCH", Bodies.Workers + "/seen", """{"metadata":"x"}""", Merge, 400, "BadRequest", "metadata must be an object" },
        { "PATCH", Bodies.Workers + "/seen", """{"kind":"Peer"}""", Merge, 400, "BadRequest", "does not match the expected kind" },
        { "PATCH", Bodies.Workers + "/seen", """{"metadata":{"name":"other"}}""", Merge, 400, "BadRequest", "does not match the name on the URL" },
        { "PATCH", Bodies.Workers + "/seen", """{"spec":null}""", Merge, 422, "Invalid", "spec.underlay: is required" },
        { "PATCH", Bodies.Workers + "/seen/status", """{"status":{"phase":"Great"}}""", Merge, 422, "Invalid", "must be one of Pending, Ready, Away" },
        { "PATCH", Bodies.Workers + "/none", "{}", Merge, 404, "NotFound", "\"none\" not found" },
        { "GET", Bodies.Workers + "/seen/scale", null, null, 404, "NotFound", "could not find the requested resource" },
        { "GET", Bodies.Leases + "/x/status", null, null, 404, "NotFound", "could not find the requested resource" },
        { "GET", "/apis/gatehouse.dev/v1/nothings", null, null, 404, "NotFound", "could not find" },
        { "GET", "/apis/gatehouse.dev/v2/workers", null, null, 404, "NotFound", "could not find" },
        { "GET", "/apis/gatehouse.dev/v1/namespaces/x/workers", null, null, 404, "NotFound", "could not find" },
        { "GET", "/apis/gatehouse.dev/v1/workers/a/b/c", null, null, 404, "NotFound", "could not find" },
        { "GET", "/apis//v1/workers", null, null, 404, "NotFound", "could not find" },
        { "GET", "/no/such/path", null, null, 404, "NotFound", "could not find" },
        { "GET", Bodies.Workers + "?labelSelector=a%20like%20b", null, null, 400, "BadRequest", "labelSelector" },
        { "GET", Bodies.Workers + "?fieldSelector=spec.underlay%3D1", null, null, 400, "BadRequest", "field label not supported: spec.underlay" },
        { "GET", Bodies.Workers + "?fieldSelector=nonsense", null, null, 400, "BadRequest", "fieldSelector" },
        { "GET", Bodies.Workers + "?watch=maybe", null, null, 400, "BadRequest", "watch 'maybe' is not valid: must be true or false" },
        { "POST", Bodies.Workers + "?fieldValidation=Perhaps", Bodies.Worker("w"), Json, 400, "BadRequest", "fieldValidation 'Perhaps' is not valid: must be Ignore, Warn or Strict" },
        { "POST", Bodies.Workers + "?fieldValidation=Strict", Bodies.Worker("w", metadata: ""","lables":{}"""), Json, 400, "BadRequest", "strict decoding error: unknown field \"metadata.lables\"" },
        { "PATCH", Bodies.Workers + "/seen?fieldValidation=Strict", """{"spec":{"a":1,"b":[{"c":1}]},"d":null}""", Merge, 400, "BadRequest", "strict decoding error: unknown field \"spec.a\", unknown field \"spec.b\"" },
        { "GET", Bodies.Workers + "?limit=-1", null, null, 400, "BadRequest", "limit" },
        { "GET", Bodies.Workers + "?continue=zzz", null, null, 400, "BadRequest", "continue key is not valid" },
        { "GET", Bodies.Workers + "?resourceVersion=abc", null, null, 400, "BadRequest", "resourceVersion 'abc' is not valid" },
        { "GET", Bodies.Workers + "?resourceVersion=1&resourceVersionMatch=Sometimes", null, null, 400, "BadRequest", "resourceVersionMatch" },
        { "GET", Bodies.Workers + "?resourceVersionMatch=Exact", null, null, 400, "BadRequest", "Exact" },
        { "GET", Bodies.Workers + "?resourceVersion=999", null, null, 504, "Timeout", "Too large resource version" },
        { "GET", Bodies.Workers + "?watch=1&resourceVersion=abc", null, null, 400, "BadRequest", "resourceVersion" },
        { "GET", Bodies.Workers + "?watch=1&timeoutSeconds=soon", null, null, 400, "BadRequest", "timeoutSeconds" },
        { "GET", Bodies.Workers + "?watch=1&sendInitialEvents=true", null, null, 422, "Invalid", "sendInitialEvents" },
        { "GET", Bodies.Workers + "?watch=1&fieldSelector=x.y%3Dz", null, null, 400, "BadRequest", "field label not supported" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Wrong_requests_get_the_status_that_names_the_fault(string method, string path, string? body, string? type, int code, string reason, string message)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        (await client.PostAsync(Bodies.Workers, Bodies.Worker("seen"))).Expect(201);
        var answer = (await client.SendAsync(new HttpMethod(method), path, body, type)).Expect(code);
        if (code == 200) return;
        Assert.Equal("Status", (string?)answer.Json["kind"]);
        Assert.Equal("Failure", (string?)answer.Json["status"]);
        Assert.Equal(code, (int)answer.Json["code"]!);
        Assert.Equal(reason, answer.Reason);
        Assert.Contains(message, answer.Message);
        // Nothing of what was refused is there.
        Assert.Equal(1, server.Store.Revision);
    }

    [Fact]
    public async Task All_faults_of_an_object_come_in_one_answer()
    {
        await using var server = await TestServer.StartAsync();
        const string Body = """
            {"apiVersion":"gatehouse.dev/v1","kind":"Exposure","metadata":{"name":"UPPER","labels":{"bad key":"x"}},
             "spec":{"protocol":"SCTP","port":0,"servicePort":"http","serviceAddress":"10.30","publicAddress":7,"keepClientAddress":"no"}}
            """;
        var answer = (await server.Operator().PostAsync(Bodies.Exposures, Body)).Expect(422);
        var causes = answer.Json["details"]!["causes"]!.AsArray().Select(c => (string)c!["field"]!).ToList();
        Assert.Equivalent(
            new[]
            {
                "metadata.name", "metadata.labels", "spec.gateway", "spec.protocol", "spec.port", "spec.servicePort", "spec.serviceAddress", "spec.publicAddress",
                "spec.keepClientAddress",
            },
            causes,
            strict: true);
        Assert.Contains("must be one of TCP, UDP", answer.Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_that_is_too_large_is_413(bool lengthKnown)
    {
        await using var server = await TestServer.StartAsync();
        var padding = new string('x', 1600 * 1024);
        var body = Bodies.Worker("w1", metadata: $$$""","annotations":{"a":"{{{padding}}}"}""");
        var answer = lengthKnown ? await server.Operator().PostAsync(Bodies.Workers, body) : await server.Operator(new Version(2, 0)).PostAsync(Bodies.Workers, body);
        Assert.Equal("RequestEntityTooLarge", answer.Expect(413).Reason);
        // The server goes on.
        (await server.Operator().PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201);
    }

    [Fact]
    public async Task Annotations_are_bounded()
    {
        await using var server = await TestServer.StartAsync();
        var answer = await server.Operator().PostAsync(Bodies.Workers, Bodies.Worker("w1", metadata: $$$""","annotations":{"a":"{{{new string('x', 300_000)}}}"}"""));
        Assert.Contains("metadata.annotations", answer.Expect(422).Message);
    }

    [Fact]
    public async Task Only_json_is_spoken()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        Assert.Equal("NotAcceptable", (await client.GetAsync(Bodies.Workers, "application/vnd.kubernetes.protobuf")).Expect(406).Reason);
        (await client.GetAsync(Bodies.Workers, "application/vnd.kubernetes.protobuf,application/json")).Expect(200);
        (await client.GetAsync(Bodies.Workers, "*/*")).Expect(200);
    }

    [Fact]
    public async Task Requests_beyond_the_bound_get_429_with_the_time_to_wait()
    {
        await using var server = await TestServer.StartAsync(o => o with { Limits = o.Limits with { RequestsInFlight = 0, Watches = 0 } });
        var answer = (await server.Operator().GetAsync(Bodies.Workers)).Expect(429);
        Assert.Equal("TooManyRequests", answer.Reason);
        Assert.Equal(1, (int)answer.Json["details"]!["retryAfterSeconds"]!);
        using var watch = await server.Operator().WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=0");
        Assert.Equal(429, watch.Code);
    }

    /// <summary>Bodies as Latin-1, so that any byte can be written down.</summary>
    [Theory]
    [InlineData("POST", "FabricService", "\"annotations\":{\"a\":\"\xff\xfe\"}", "0xff is not valid UTF-8")]
    [InlineData("POST", "FabricService", "\"annotations\":{\"a\":\"\xed\xa0\x80\"}", "0xed is not valid UTF-8")]
    [InlineData("POST", "FabricService", "\"annotations\":{\"a\":\"\\ud800\"}", "\\ud800 is half of a surrogate pair")]
    [InlineData("POST", "FabricService", "\"annotations\":{\"\\udfff\":\"a\"}", "\\udfff is half of a surrogate pair")]
    [InlineData("POST", "FabricService", "\"labels\":{\"a\":\"\\uD83D\\uD83D\\uDE00\"}", "\\uD83D is half of a surrogate pair")]
    [InlineData("PATCH", "FabricService", "\"annotations\":{\"a\":\"\xc0\xaf\"}", "0xc0 is not valid UTF-8")]
    [InlineData("DELETE", "FabricService", "\"annotations\":{\"a\":\"\\ud800\"}", "\\ud800 is half of a surrogate pair")]
    public async Task Texts_that_are_none_are_400_with_their_place(string method, string kind, string metadata, string expected)
    {
        await using var server = await TestServer.StartAsync();
        const string Services = "/apis/gatehouse.dev/v1/fabricservices";
        (await server.Operator().PostAsync(Services, Body("seen", ""))).Expect(201);
        var path = method == "POST" ? Services : $"{Services}/seen";
        var type = method == "PATCH" ? Merge : Json;

        var answer = (await server.Operator().SendBytesAsync(new HttpMethod(method), path, System.Text.Encoding.Latin1.GetBytes(Body("seen", "," + metadata)), type)).Expect(400);

        Assert.StartsWith("the body of the request is no valid JSON: line 1, byte ", answer.Message, StringComparison.Ordinal);
        Assert.Contains(expected, answer.Message);
        Assert.Equal(1, server.Store.Revision);

        string Body(string name, string more) => $$$"""{"apiVersion":"gatehouse.dev/v1","kind":"{{{kind}}}","metadata":{"name":"{{{name}}}"{{{more}}}},"spec":{"policies":["roundRobin"]}}""";
    }

    [Fact]
    public async Task Whole_surrogate_pairs_and_every_other_escape_are_kept()
    {
        await using var server = await TestServer.StartAsync();
        const string Annotation = """,'annotations':{"a":"\uD83D\uDE00 \u0000 \\u \\\ud83d\ude00 \n é"}""";

        var made = (await server.Operator().PostAsync(Bodies.Workers, Bodies.Worker("w1", metadata: Annotation.Replace('\'', '"')))).Expect(201);

        Assert.Equal("\U0001F600 \0 \\u \\\U0001F600 \n é", (string?)made.Json["metadata"]!["annotations"]!["a"]);
    }

    [Fact]
    public async Task Deep_json_is_refused_and_not_followed()
    {
        await using var server = await TestServer.StartAsync();
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 5_000)) + "1" + new string('}', 5_000);
        (await server.Operator().PostAsync(Bodies.Workers, deep)).Expect(400);
    }

    [Fact]
    public async Task Nulls_are_absent_and_unknown_fields_stay()
    {
        await using var server = await TestServer.StartAsync();
        var body = JsonNode.Parse(Bodies.Worker("w1"))!;
        body["spec"]!["publicAddresses"] = null;
        body["spec"]!["later"] = new JsonObject { ["x"] = 1 };
        var created = (await server.Operator().PostAsync(Bodies.Workers, body.ToJsonString())).Expect(201).Json;
        Assert.Empty(created["spec"]!["publicAddresses"]!.AsArray());
        Assert.Equal(1, (int)created["spec"]!["later"]!["x"]!);
    }

    [Fact]
    public async Task Unknown_fields_are_told_by_a_warning_unless_the_caller_does_not_want_to_hear_of_them()
    {
        await using var server = await TestServer.StartAsync();
        var warned = (await server.Operator().PostAsync(Bodies.Workers, Bodies.Worker("w1", metadata: ""","lables":{"a":"b"}"""))).Expect(201);
        var patched = (await server.Operator().PatchAsync($"{Bodies.Workers}/w1", """{"spec":{"frob\"né\nicate":1,"other":null}}""")).Expect(200);
        var ignored = (await server.Operator().PatchAsync($"{Bodies.Workers}/w1?fieldValidation=Ignore", """{"spec":{"more":1}}""")).Expect(200);
        var right = (await server.Operator().PutAsync($"{Bodies.Workers}/w1", Bodies.Worker("w1"))).Expect(200);
        var many = (await server.Operator().PatchAsync($"{Bodies.Workers}/w1", new JsonObject { ["spec"] = new JsonObject(Enumerable.Range(0, 100).Select(i => KeyValuePair.Create($"f{i}", (JsonNode?)1))) }.ToJsonString())).Expect(200);

        Assert.Equal(["299 - \"unknown field \\\"metadata.lables\\\"\""], warned.Warnings);
        Assert.Equal(["299 - \"unknown field \\\"spec.frob\\\"n??icate\\\"\""], patched.Warnings);
        Assert.Empty(ignored.Warnings);
        Assert.Empty(right.Warnings);
        Assert.Equal(16, many.Warnings.Count);
    }
}

using System.Net;
using System.Text.Json.Nodes;

namespace Gatehouse.Api.Tests.Server;

public sealed class ObjectVerbsTests
{
    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Create_answers_with_what_the_server_filled_in_and_get_with_the_same(string version)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator(Version.Parse(version));
        var created = (await client.PostAsync(Bodies.Workers, Bodies.Worker("w1", metadata: ""","labels":{"a":"b"},"uid":"mine","generation":9"""))).Expect(201);
        var metadata = created.Json["metadata"]!;
        Assert.True(Guid.TryParse((string?)metadata["uid"], out _));
        Assert.Equal(1, (int)metadata["generation"]!);
        Assert.Equal("1", created.Revision);
        Assert.Equal("b", (string?)metadata["labels"]!["a"]);
        Assert.True((DateTimeOffset)metadata["creationTimestamp"]! > DateTimeOffset.UnixEpoch);
        // Defaults of the spec are written out, so that every reader sees the same.
        Assert.Equal(4789, (int)created.Json["spec"]!["tunnelPort"]!);
        var read = (await client.GetAsync($"{Bodies.Workers}/w1")).Expect(200);
        Assert.Equal(created.Text, read.Text);
    }

    [Fact]
    public async Task A_name_is_taken_once()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        (await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201);
        var again = (await client.PostAsync(Bodies.Workers, Bodies.Worker("w1", "192.0.2.9"))).Expect(409);
        Assert.Equal("AlreadyExists", again.Reason);
        Assert.Equal("workers.gatehouse.dev \"w1\" already exists", again.Message);
        Assert.Equal("192.0.2.1", (string?)(await client.GetAsync($"{Bodies.Workers}/w1")).Json["spec"]!["underlay"]);
    }

    [Fact]
    public async Task A_generated_name_is_the_base_and_five_characters()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var body = """{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"generateName":"w-"},"spec":{"underlay":"192.0.2.1"}}""";
        var names = new HashSet<string>();
        for (var i = 0; i < 20; i++) names.Add((string)(await client.PostAsync(Bodies.Workers, body)).Expect(201).Json["metadata"]!["name"]!);
        Assert.Equal(20, names.Count);
        Assert.All(names, n => Assert.Matches("^w-[a-z0-9]{5}$", n));
    }

    [Fact]
    public async Task Update_replaces_the_spec_counts_the_generation_and_keeps_what_is_the_servers()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var first = (await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201).Json;
        var body = first.DeepClone();
        body["spec"]!["underlay"] = "192.0.2.2";
        body["metadata"]!["creationTimestamp"] = "2001-01-01T00:00:00Z";
        body["metadata"]!["generation"] = 77;
        body["metadata"]!["deletionTimestamp"] = "2001-01-01T00:00:00Z";
        body["status"] = new JsonObject { ["phase"] = "Ready" };
        var second = (await client.PutAsync($"{Bodies.Workers}/w1", body.ToJsonString())).Expect(200).Json;
        Assert.Equal("192.0.2.2", (string?)second["spec"]!["underlay"]);
        Assert.Equal(2, (int)second["metadata"]!["generation"]!);
        Assert.Equal((string?)first["metadata"]!["uid"], (string?)second["metadata"]!["uid"]);
        Assert.Equal((string?)first["metadata"]!["creationTimestamp"], (string?)second["metadata"]!["creationTimestamp"]);
        Assert.Null(second["metadata"]!["deletionTimestamp"]);
        Assert.Null(second["status"]);
    }

    [Fact]
    public async Task Update_with_an_old_revision_is_409_and_without_one_it_wins()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var first = (await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Json;
        var body = first.DeepClone();
        body["spec"]!["underlay"] = "192.0.2.2";
        (await client.PutAsync($"{Bodies.Workers}/w1", body.ToJsonString())).Expect(200);
        body["spec"]!["underlay"] = "192.0.2.3";
        var stale = (await client.PutAsync($"{Bodies.Workers}/w1", body.ToJsonString())).Expect(409);
        Assert.Equal("Conflict", stale.Reason);
        Assert.Contains("the object has been modified", stale.Message);
        (await client.PutAsync($"{Bodies.Workers}/w1", Bodies.Worker("w1", "192.0.2.4"))).Expect(200);
        body["metadata"]!["resourceVersion"] = null;
        body["metadata"]!["uid"] = "another";
        Assert.Contains("UID in precondition", (await client.PutAsync($"{Bodies.Workers}/w1", body.ToJsonString())).Expect(409).Message);
        Assert.Equal("192.0.2.4", (string?)(await client.GetAsync($"{Bodies.Workers}/w1")).Json["spec"]!["underlay"]);
    }

    [Fact]
    public async Task A_write_that_changes_nothing_is_no_write()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var first = await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        Assert.Equal(first.Revision, (await client.PutAsync($"{Bodies.Workers}/w1", first.Text)).Expect(200).Revision);
        Assert.Equal(first.Revision, (await client.PatchAsync($"{Bodies.Workers}/w1", """{"spec":{"underlay":"192.0.2.1"}}""")).Expect(200).Revision);
        Assert.Equal(1, server.Store.Revision);
    }

    [Fact]
    public async Task Status_is_written_by_its_own_path_and_by_nothing_else()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var body = JsonNode.Parse(Bodies.Worker("w1"))!;
        body["status"] = new JsonObject { ["phase"] = "Ready" };
        var created = (await client.PostAsync(Bodies.Workers, body.ToJsonString())).Expect(201);
        Assert.Null(created.Json["status"]);
        body["spec"]!["underlay"] = "192.0.2.77";
        var status = (await client.PutAsync($"{Bodies.Workers}/w1/status", body.ToJsonString())).Expect(200).Json;
        Assert.Equal("Ready", (string?)status["status"]!["phase"]);
        Assert.Equal("192.0.2.1", (string?)status["spec"]!["underlay"]);
        Assert.Equal(1, (int)status["metadata"]!["generation"]!);
        var patched = (await client.PatchAsync($"{Bodies.Workers}/w1/status", """{"status":{"message":"no range"},"spec":{"underlay":"192.0.2.78"}}""")).Expect(200).Json;
        Assert.Equal("Ready", (string?)patched["status"]!["phase"]);
        Assert.Equal("no range", (string?)patched["status"]!["message"]);
        Assert.Equal("192.0.2.1", (string?)patched["spec"]!["underlay"]);
        var main = (await client.PatchAsync($"{Bodies.Workers}/w1", """{"status":null,"metadata":{"labels":{"x":"y"}}}""")).Expect(200).Json;
        Assert.Equal("Ready", (string?)main["status"]!["phase"]);
        Assert.Equal("y", (string?)main["metadata"]!["labels"]!["x"]);
        Assert.Equal(main.ToJsonString(), (await client.GetAsync($"{Bodies.Workers}/w1/status")).Expect(200).Json.ToJsonString());
    }

    [Fact]
    public async Task Concurrent_patches_all_land()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator(HttpVersion.Version20);
        (await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201);
        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => client.PatchAsync($"{Bodies.Workers}/w1", "{\"metadata\":{\"labels\":{\"l" + i + "\":\"x\"}}}")));
        Assert.All(answers, a => a.Expect(200));
        Assert.Equal(24, (await client.GetAsync($"{Bodies.Workers}/w1")).Json["metadata"]!["labels"]!.AsObject().Count);
        Assert.Equal(24, answers.Select(a => a.Revision).Distinct().Count());
    }

    [Fact]
    public async Task A_patch_with_an_old_revision_is_409()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        (await client.PatchAsync($"{Bodies.Workers}/w1", """{"metadata":{"labels":{"a":"1"},"resourceVersion":"1"}}""")).Expect(200);
        (await client.PatchAsync($"{Bodies.Workers}/w1", """{"metadata":{"labels":{"a":"2"},"resourceVersion":"1"}}""")).Expect(409);
    }

    [Fact]
    public async Task Delete_answers_success_and_then_404()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var uid = (string)(await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Json["metadata"]!["uid"]!;
        var deleted = (await client.DeleteAsync($"{Bodies.Workers}/w1", """{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}""")).Expect(200).Json;
        Assert.Equal("Success", (string?)deleted["status"]);
        Assert.Equal(uid, (string?)deleted["details"]!["uid"]);
        Assert.Equal("NotFound", (await client.DeleteAsync($"{Bodies.Workers}/w1")).Expect(404).Reason);
        Assert.Equal("workers.gatehouse.dev \"w1\" not found", (await client.GetAsync($"{Bodies.Workers}/w1")).Expect(404).Message);
        Assert.NotEqual(uid, (string?)(await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"))).Expect(201).Json["metadata"]!["uid"]);
    }

    [Fact]
    public async Task Delete_holds_its_preconditions()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        var created = await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        (await client.DeleteAsync($"{Bodies.Workers}/w1", """{"preconditions":{"uid":"other"}}""")).Expect(409);
        (await client.DeleteAsync($"{Bodies.Workers}/w1", """{"preconditions":{"resourceVersion":"77"}}""")).Expect(409);
        (await client.DeleteAsync($"{Bodies.Workers}/w1", """{"preconditions":{"uid":7}}""")).Expect(400);
        (await client.DeleteAsync($"{Bodies.Workers}/w1", """{"dryRun":["All"]}""")).Expect(400);
        var right = $$$"""{"preconditions":{"uid":"{{{created.Json["metadata"]!["uid"]}}}","resourceVersion":"{{{created.Revision}}}"}}""";
        (await client.DeleteAsync($"{Bodies.Workers}/w1", right)).Expect(200);
    }

    [Fact]
    public async Task Finalizers_hold_a_deleted_object_until_the_last_one_is_gone()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1", metadata: ""","finalizers":["gatehouse.dev/a","gatehouse.dev/b"]"""));
        var marked = (await client.DeleteAsync($"{Bodies.Workers}/w1")).Expect(200);
        Assert.NotNull(marked.Json["metadata"]!["deletionTimestamp"]);
        Assert.Equal(2, (int)marked.Json["metadata"]!["generation"]!);
        Assert.Equal(marked.Revision, (await client.DeleteAsync($"{Bodies.Workers}/w1")).Expect(200).Revision);
        var added = (await client.PatchAsync($"{Bodies.Workers}/w1", """{"metadata":{"finalizers":["gatehouse.dev/a","gatehouse.dev/c"]}}""")).Expect(422);
        Assert.Equal("metadata.finalizers", (string?)added.Json["details"]!["causes"]![0]!["field"]);
        (await client.PatchAsync($"{Bodies.Workers}/w1", """{"metadata":{"finalizers":["gatehouse.dev/b"]}}""")).Expect(200);
        (await client.GetAsync($"{Bodies.Workers}/w1")).Expect(200);
        (await client.PatchAsync($"{Bodies.Workers}/w1", """{"metadata":{"finalizers":null}}""")).Expect(200);
        (await client.GetAsync($"{Bodies.Workers}/w1")).Expect(404);
    }

    [Fact]
    public async Task Namespaced_objects_live_in_their_namespace()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        Assert.Equal("gatehouse-workers", (string?)(await client.PostAsync(Bodies.Leases, Bodies.Lease("w1"))).Expect(201).Json["metadata"]!["namespace"]);
        (await client.PostAsync("/apis/coordination.k8s.io/v1/namespaces/other/leases", Bodies.Lease("w1"))).Expect(201);
        Assert.Equal(2, (await client.GetAsync("/apis/coordination.k8s.io/v1/leases")).Expect(200).Json["items"]!.AsArray().Count);
        Assert.Single((await client.GetAsync(Bodies.Leases)).Expect(200).Json["items"]!.AsArray());
        (await client.GetAsync($"{Bodies.Leases}/w1")).Expect(200);
        (await client.PostAsync("/apis/coordination.k8s.io/v1/leases", Bodies.Lease("w2"))).Expect(405);
        (await client.GetAsync("/apis/coordination.k8s.io/v1/leases/w1")).Expect(404);
        (await client.PostAsync("/apis/coordination.k8s.io/v1/namespaces/No_Good/leases", Bodies.Lease("w2"))).Expect(422);
    }
}

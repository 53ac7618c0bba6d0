using System.Text.Json.Nodes;
using Gatehouse.Store;

namespace Gatehouse.Api.Tests.Server;

public sealed class ListTests
{
    [Fact]
    public async Task A_list_has_every_object_and_the_revision_it_shows()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        foreach (var name in (string[])["b", "a", "c"]) (await client.PostAsync(Bodies.Workers, Bodies.Worker(name))).Expect(201);
        await client.PostAsync(Bodies.Interests, Bodies.Interest("other-kind", "a"));
        var list = (await client.GetAsync(Bodies.Workers)).Expect(200);
        Assert.Equal("WorkerList", (string?)list.Json["kind"]);
        Assert.Equal("gatehouse.dev/v1", (string?)list.Json["apiVersion"]);
        Assert.Equal("4", list.Revision);
        Assert.Equal(["a", "b", "c"], Names(list));
        Assert.Equal((await client.GetAsync($"{Bodies.Workers}/b")).Text, list.Json["items"]![1]!.ToJsonString());
        Assert.Empty(Names((await client.GetAsync(Bodies.Exposures)).Expect(200)));
    }

    [Theory]
    [InlineData("labelSelector=app%3Da", "i1,i2")]
    [InlineData("labelSelector=app!%3Da", "i3,i4")]
    [InlineData("labelSelector=app%20in%20(a,b),tier", "i2,i3")]
    [InlineData("labelSelector=!app", "i4")]
    [InlineData("fieldSelector=spec.holder%3Dw1", "i1,i3")]
    [InlineData("fieldSelector=spec.holder!%3Dw1", "i2,i4")]
    [InlineData("fieldSelector=metadata.name%3Di4", "i4")]
    [InlineData("fieldSelector=spec.holder%3Dw1&labelSelector=app%3Db", "i3")]
    [InlineData("fieldSelector=spec.holder%3Dnobody", "")]
    [InlineData("labelSelector=&fieldSelector=", "i1,i2,i3,i4")]
    public async Task Selectors_select(string query, string expected)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        await client.PostAsync(Bodies.Interests, Bodies.Interest("i1", "w1", metadata: ""","labels":{"app":"a"}"""));
        await client.PostAsync(Bodies.Interests, Bodies.Interest("i2", "w2", metadata: ""","labels":{"app":"a","tier":"x"}"""));
        await client.PostAsync(Bodies.Interests, Bodies.Interest("i3", "w1", metadata: ""","labels":{"app":"b","tier":"x"}"""));
        await client.PostAsync(Bodies.Interests, Bodies.Interest("i4", "w2"));
        Assert.Equal(expected, string.Join(',', Names((await client.GetAsync($"{Bodies.Interests}?{query}")).Expect(200))));
    }

    [Theory]
    [InlineData("/apis/gatehouse.dev/v1/workers", 1)]
    [InlineData("/apis/coordination.k8s.io/v1/namespaces/n1/leases", 1)]
    [InlineData("/apis/coordination.k8s.io/v1/leases", 2)]
    public async Task A_name_selects_itself_and_no_name_that_begins_with_it(string collection, int expected)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        foreach (var name in (string[])["w1", "w10", "w1-a", "v"])
        {
            (await client.PostAsync(Bodies.Workers, Bodies.Worker(name))).Expect(201);
            var lease = $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{name}}}"},"spec":{}}""";
            foreach (var space in (string[])["n1", "n2"]) (await client.PostAsync($"/apis/coordination.k8s.io/v1/namespaces/{space}/leases", lease)).Expect(201);
        }

        foreach (var limit in (int[])[0, 1, 500])
        {
            List<string> seen = [];
            string? next = null;
            do
            {
                var page = (await client.GetAsync($"{collection}?fieldSelector=metadata.name%3Dw1&limit={limit}{(next is null ? "" : $"&continue={next}")}")).Expect(200);
                seen.AddRange(Names(page));
                next = (string?)page.Json["metadata"]!["continue"];
            }
            while (next is not null);
            Assert.Equal(Enumerable.Repeat("w1", expected), seen);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("&fieldSelector=spec.holder%3Dw1")]
    public async Task Pages_show_one_revision_while_others_write(string selector)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        for (var i = 0; i < 10; i++) (await client.PostAsync(Bodies.Interests, Bodies.Interest($"i{i}", i % 2 == 0 || selector.Length == 0 ? "w1" : "w2"))).Expect(201);
        List<string> seen = [];
        string? next = null;
        string? revision = null;
        do
        {
            var page = (await client.GetAsync($"{Bodies.Interests}?limit=2{selector}{(next is null ? "" : $"&continue={next}")}")).Expect(200);
            revision ??= page.Revision;
            Assert.Equal(revision, page.Revision);
            var names = Names(page);
            Assert.InRange(names.Count, 1, 2);
            seen.AddRange(names);
            next = (string?)page.Json["metadata"]!["continue"];
            if (selector.Length == 0 && next is not null) Assert.Equal(10 - seen.Count, (int)page.Json["metadata"]!["remainingItemCount"]!);
            // What is written, changed and deleted meanwhile does not show.
            await client.DeleteAsync($"{Bodies.Interests}/i8");
            await client.PostAsync(Bodies.Interests, Bodies.Interest($"i9{seen.Count}", "w1"));
        }
        while (next is not null);
        Assert.Equal(selector.Length == 0 ? Enumerable.Range(0, 10).Select(i => $"i{i}") : ["i0", "i2", "i4", "i6", "i8"], seen);
    }

    [Fact]
    public async Task A_revision_of_the_past_can_be_listed_until_it_is_compacted()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        for (var i = 0; i < 4; i++) await client.PostAsync(Bodies.Workers, Bodies.Worker($"w{i}"));
        var exact = $"{Bodies.Workers}?resourceVersion=2&resourceVersionMatch=Exact";
        Assert.Equal(["w0", "w1"], Names((await client.GetAsync(exact)).Expect(200)));
        Assert.Equal(["w0", "w1", "w2", "w3"], Names((await client.GetAsync($"{Bodies.Workers}?resourceVersion=2")).Expect(200)));
        var page = (await client.GetAsync($"{Bodies.Workers}?limit=1")).Expect(200);
        await client.DeleteAsync($"{Bodies.Workers}/w3");
        await server.Store.CompactAsync(5, TestContext.Current.CancellationToken);
        var gone = (await client.GetAsync(exact)).Expect(410);
        Assert.Equal("Expired", gone.Reason);
        var lost = (await client.GetAsync($"{Bodies.Workers}?limit=1&continue={page.Json["metadata"]!["continue"]}")).Expect(410);
        Assert.Contains("You must start a new list", lost.Message);
    }

    [Fact]
    public async Task A_continue_token_of_another_list_is_refused_or_harmless()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        for (var i = 0; i < 3; i++) await client.PostAsync(Bodies.Workers, Bodies.Worker($"w{i}"));
        await client.PostAsync(Bodies.Interests, Bodies.Interest("z", "w1"));
        var token = (string)(await client.GetAsync($"{Bodies.Workers}?limit=1")).Json["metadata"]!["continue"]!;
        Assert.Equal(["z"], Names((await client.GetAsync($"{Bodies.Interests}?limit=1&continue={token}")).Expect(200)));
    }

    [Fact]
    public async Task People_get_a_table()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        var table = (await client.GetAsync(Bodies.Workers, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")).Expect(200).Json;
        Assert.Equal("Table", (string?)table["kind"]);
        Assert.Equal(["Name", "Phase", "Subnetwork", "Underlay", "Public", "Age", "Subnetwork6"], table["columnDefinitions"]!.AsArray().Select(c => (string)c!["name"]!));
        var row = table["rows"]![0]!;
        Assert.Equal("w1", (string?)row["cells"]![0]);
        Assert.Equal("192.0.2.1", (string?)row["cells"]![3]);
        Assert.Equal("1", (string?)row["object"]!["metadata"]!["resourceVersion"]);
        Assert.Equal("Table", (string?)(await client.GetAsync($"{Bodies.Workers}/w1", "application/json;as=Table;v=v1;g=meta.k8s.io")).Expect(200).Json["kind"]);
        Assert.Equal("Worker", (string?)(await client.GetAsync($"{Bodies.Workers}/w1", "application/json,application/json;as=Table;v=v1;g=meta.k8s.io")).Expect(200).Json["kind"]);
    }

    [Fact]
    public async Task Discovery_names_every_kind()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        Assert.Equal("v1", (string?)(await client.GetAsync("/api")).Expect(200).Json["versions"]![0]);
        Assert.Empty((await client.GetAsync("/api/v1")).Expect(200).Json["resources"]!.AsArray());
        var groups = (await client.GetAsync("/apis")).Expect(200).Json["groups"]!.AsArray();
        Assert.Equal(["gatehouse.dev", "coordination.k8s.io"], groups.Select(g => (string)g!["name"]!));
        Assert.Equal("gatehouse.dev/v1", (string?)(await client.GetAsync("/apis/gatehouse.dev/")).Expect(200).Json["preferredVersion"]!["groupVersion"]);
        var resources = (await client.GetAsync("/apis/gatehouse.dev/v1")).Expect(200).Json["resources"]!.AsArray();
        foreach (var kind in Gatehouse.Objects.KindTable.All.Where(k => k.Group == "gatehouse.dev"))
        {
            var resource = resources.Single(r => (string?)r!["name"] == kind.Plural)!;
            Assert.Equal(kind.Kind, (string?)resource["kind"]);
            Assert.Equal(kind.HasStatus, resources.Any(r => (string?)r!["name"] == $"{kind.Plural}/status"));
        }

        (await client.GetAsync("/apis/none.example")).Expect(404);
    }

    private static List<string> Names(RawAnswer list) => [.. list.Json["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!)];
}

using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Tests.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Tests.Client;

/// <summary>A list that is posted to a collection, over TLS, by our client and as bytes.</summary>
public sealed class BulkCreateTests
{
    [Fact]
    public async Task Each_item_has_its_own_outcome_in_its_place()
    {
        await using var server = await TestServer.StartAsync();
        using var client = ClientOf(server);
        await client.CreateAsync(Service("there"), Cancellation);

        var outcomes = await client.CreateManyAsync([Service("a"), Service("there"), Service("Not A Name"), Service("b")], Cancellation);

        Assert.Equal(["a", null, null, "b"], outcomes.Select(o => o.Value?.Metadata.Name));
        Assert.Equal([null, StatusReason.AlreadyExists, StatusReason.Invalid, null], outcomes.Select(o => o.Refusal?.Reason));
        Assert.All(outcomes.Where(o => o.Value is not null), o => Assert.NotNull(o.Value!.Metadata.ResourceVersion));
        Assert.Equal(["a", "b", "there"], (await client.ListAsync<FabricService>(Selection.All, Cancellation)).Items.Select(i => i.Metadata.Name).Order());
    }

    [Fact]
    public async Task Nothing_and_a_thousand_are_taken_and_more_are_refused_whole()
    {
        await using var server = await TestServer.StartAsync();
        using var client = ClientOf(server);
        Assert.Empty(await client.CreateManyAsync<FabricService>([], Cancellation));
        var most = await client.CreateManyAsync([.. Enumerable.Range(0, 1_000).Select(i => Service($"s{i}"))], Cancellation);
        Assert.All(most, o => Assert.Null(o.Refusal));
        var tooMany = await client.CreateManyAsync([.. Enumerable.Range(0, 1_001).Select(i => Service($"t{i}"))], Cancellation);
        Assert.All(tooMany, o => Assert.Contains("at most 1000 items", o.Refusal!.Message, StringComparison.Ordinal));
        Assert.Equal(1_000, (await client.ListAsync<FabricService>(Selection.All, Cancellation)).Items.Count);
    }

    [Theory]
    [InlineData("""{"kind":"FabricServiceList","apiVersion":"gatehouse.dev/v1","items":[1,null,"x",[]]}""", 4)]
    [InlineData("""{"kind":"FabricServiceList","apiVersion":"gatehouse.dev/v1","items":[{}]}""", 1)]
    [InlineData("""{"kind":"FabricServiceList","apiVersion":"gatehouse.dev/v1","items":[{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"name":"w"}}]}""", 1)]
    public async Task An_item_that_is_none_of_the_kind_is_refused_in_its_place(string body, int items)
    {
        await using var server = await TestServer.StartAsync();
        var answer = await server.Operator().PostAsync("/apis/gatehouse.dev/v1/fabricservices", body);
        answer.Expect(200);
        var outcomes = answer.Json["items"]!.AsArray();
        Assert.Equal(items, outcomes.Count);
        Assert.All(outcomes, o => Assert.Equal("Status", (string?)o!["kind"]));
    }

    [Theory]
    [InlineData("""{"kind":"WorkerList","apiVersion":"gatehouse.dev/v1","items":[]}""")]
    [InlineData("""{"kind":"FabricServiceList","apiVersion":"gatehouse.dev/v1","items":{}}""")]
    [InlineData("""{"kind":"FabricServiceList","apiVersion":"gatehouse.dev/v1"}""")]
    public async Task What_is_no_list_of_the_kind_is_refused_as_an_object_is(string body)
    {
        await using var server = await TestServer.StartAsync();
        var answer = await server.Operator().PostAsync("/apis/gatehouse.dev/v1/fabricservices", body);
        Assert.InRange(answer.Code, 400, 422);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static FabricService Service(string name) => new() { Metadata = new ObjectMeta { Name = name } };

    private static HttpObjectClient ClientOf(TestServer server) => new(new HttpObjectClientOptions
    {
        Server = server.Url,
        Credentials = new FixedCredentials(new ApiCredentials
        {
            Trust = new X509Certificate2Collection(server.Authority.Root),
            Certificate = TestServer.Issue(server.Authority, new UserInfo("op", [UserInfo.MastersGroup])),
        }),
    });
}

using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Root.ServiceAddresses;
using Gatehouse.TestHosts;

namespace Gatehouse.Root.Tests.ServiceAddresses;

/// <summary>Writes and the events of earlier writes in every order in which they can meet.</summary>
public sealed class AddressDecisionsTests
{
    private const string Owner = "service/a";
    private static readonly Claim Claim = Claim.OfService("a", BalancingPolicy.RoundRobin);
    private static readonly HashSet<IPAddress> Nothing = [];

    private readonly AddressBook _book = new(new RootOptions(), TimeProvider.System);
    private readonly AddressDecisions _decisions;

    public AddressDecisionsTests() => _decisions = new AddressDecisions(_book, _ => { }, TimeProvider.System);

    [Fact]
    public async Task The_end_of_an_earlier_object_does_not_take_what_a_new_one_was_granted()
    {
        await StoreAsync();
        var request = Request();
        var decision = await _decisions.BeginAsync(request, Owner, Ct);
        _decisions.Settle(Owner, Nothing, [Claim]); // the earlier object's end is seen before the grant …
        var held = Grant(decision!);
        _decisions.Settle(Owner, Nothing, [Claim]); // … and once more after it
        _decisions.Settle(Owner, held, [Claim]);
        Assert.Equal(held, _book.AddressesOf(Claim).ToHashSet());
        Assert.False(_decisions.Abandon(request, Owner));
        _decisions.Settle(Owner, Nothing, [Claim]);
        Assert.Empty(_book.AddressesOf(Claim));
    }

    [Fact]
    public async Task What_an_object_gave_back_while_a_write_was_under_way_is_given_back_when_that_is_not_made()
    {
        var held = await StoreAsync();
        var request = Request();
        Assert.Equal(held, Grant((await _decisions.BeginAsync(request, Owner, Ct))!));
        _decisions.Settle(Owner, Nothing, [Claim]);
        Assert.Equal(held, _book.AddressesOf(Claim).ToHashSet());
        Assert.True(_decisions.Abandon(request, Owner));
        Assert.Empty(_book.AddressesOf(Claim));
    }

    /// <summary>One side creates again and again, the other sees each object end: whoever is first, an object that is stored has its address.</summary>
    [Fact]
    public async Task However_they_meet_a_stored_object_has_its_addresses()
    {
        for (var i = 0; i < 2_000; i++)
        {
            await StoreAsync();
            using var together = new Barrier(2);
            var end = Task.Run(() =>
            {
                together.SignalAndWait(Ct);
                _decisions.Settle(Owner, Nothing, [Claim]);
            }, Ct);
            together.SignalAndWait(Ct);
            var held = Grant((await _decisions.BeginAsync(Request(), Owner, Ct))!);
            await end;
            _decisions.Settle(Owner, held, [Claim]);
            Assert.Equal(held, _book.AddressesOf(Claim).ToHashSet());
        }
    }

    private async Task<HashSet<IPAddress>> StoreAsync()
    {
        var held = Grant((await _decisions.BeginAsync(Request(), Owner, Ct))!);
        _decisions.Settle(Owner, held, [Claim]);
        return held;
    }

    private HashSet<IPAddress> Grant(AddressDecisions.Decision decision)
    {
        var grant = _book.Allocate(Claim, null, null, "").Grant!;
        decision.Grants.Add(grant);
        decision.Complete();
        return [IPAddress.Parse(grant.Pair.Ipv4!), IPAddress.Parse(grant.Pair.Ipv6!)];
    }

    private static AdmissionRequest Request() =>
        new() { Verb = AdmissionVerb.Create, Kind = FabricService.Info, Key = "a", User = RootHost.Cluster("c1"), Object = new JsonObject() };
}

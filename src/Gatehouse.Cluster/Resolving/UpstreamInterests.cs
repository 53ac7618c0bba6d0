using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Resolving;

/// <summary>Asks root what workers here ask: one interest for each query, renewed while anybody needs it, withdrawn when nobody does.</summary>
internal sealed class UpstreamInterests(ClusterOptions options, ClusterState state, TimeProvider time)
{
    /// <summary>One canonical query.</summary>
    public async Task<DateTimeOffset?> StepAsync(string query, CancellationToken cancellation)
    {
        if (state.Upstream is not { } upstream) return null;
        var name = Interest.NameFor(options.Name, query);
        var atRoot = upstream.Interests.Find(name);
        if (!state.Interests.IsAsked(query))
        {
            if (atRoot is not null && await upstream.Root.DeleteAsync<Interest>(name, null, cancellation)) state.Interests.Touch(state.Foreign.Put(query, null));
            return null;
        }

        var now = time.GetUtcNow();
        if (atRoot is null) atRoot = Take(query, await AskAsync(upstream, name, query, cancellation));
        var renewAt = (atRoot.Spec.RenewedAt ?? now) + options.UpstreamRenewal;
        if (renewAt > now) return renewAt;
        // The status is root's: a renewal leaves it alone.
        var renewal = atRoot with { Metadata = atRoot.Metadata with { ResourceVersion = null }, Spec = atRoot.Spec with { RenewedAt = now } };
        try
        {
            Take(query, upstream.Interests.Note(await upstream.Root.UpdateAsync(renewal, cancellation)));
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.NotFound))
        {
            // Its lease ran out while root was away: ask anew.
            Take(query, await AskAsync(upstream, name, query, cancellation));
        }

        return now + options.UpstreamRenewal;
    }

    private Interest Take(string query, Interest answer)
    {
        state.Interests.Touch(state.Foreign.Put(query, answer.Status));
        return answer;
    }

    private async Task<Interest> AskAsync(Upstream.RootLink upstream, string name, string query, CancellationToken cancellation)
    {
        var wanted = new Interest { Metadata = new ObjectMeta { Name = name }, Spec = new InterestSpec { Holder = options.Name, Query = query } };
        try
        {
            return upstream.Interests.Note(await upstream.Root.CreateAsync(wanted, cancellation));
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            if (await upstream.Root.GetAsync<Interest>(name, cancellation) is { } known) return upstream.Interests.Note(known);
            throw;
        }
    }
}

using System.Globalization;
using System.Net;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Root.Oakestra;

/// <summary>What clusters and workers ask: registration, subnetworks, resolution with interest.</summary>
internal sealed class OakestraMembers(IObjectClient local, OakestraLookup lookup, ResolutionTable table)
{
    /// <summary>POST /api/net/cluster.</summary>
    public async Task RegisterClusterAsync(HttpContext context)
    {
        var body = await OakestraBody.ReadAsync(context);
        var (id, host, port) = (body.Text("cluster_id"), body.Text("cluster_address"), body.Number("cluster_port", 1, 65_535));
        if (id.Length > 0 && !Names.IsLabel(id.ToLowerInvariant())) body.Fail("cluster_id", Names.LabelRule);
        body.ThrowIfFaulty("Invalid input parameters");
        var address = string.Create(CultureInfo.InvariantCulture, $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host.Trim('[', ']')}]" : host)}:{port}");
        var spec = new ClusterSpec { Address = address, ExternalId = id };
        var known = await lookup.FindClusterAsync(id, address, context.RequestAborted);
        if (known is null) await local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = id.ToLowerInvariant() }, Spec = spec }, context.RequestAborted);
        else if (known.Spec != spec) await local.UpdateAsync(known with { Metadata = known.Metadata with { ResourceVersion = null }, Spec = spec }, context.RequestAborted);
        await OakestraRoot.WriteAsync(context, "cluster registered");
    }

    /// <summary>DELETE /api/net/interest/JOB.</summary>
    public async Task DropInterestAsync(HttpContext context)
    {
        var cluster = CallingCluster(context);
        _ = await lookup.ClusterAsync(cluster, context.RequestAborted);
        await local.DeleteAsync<Interest>(Interest.NameFor(cluster, JobDocument.NameOf(Route(context, "job"))), null, context.RequestAborted);
        await OakestraRoot.WriteAsync(context, "deregistered");
    }

    /// <summary>GET /api/net/service/NAME/instances, with <c>_</c> in place of <c>.</c>.</summary>
    public Task ResolveNameAsync(HttpContext context) => ResolveAsync(context, JobDocument.NameOf(Route(context, "name").Replace('_', '.')));

    /// <summary>GET /api/net/service/ip/IP/instances, IPv4 with <c>_</c> in place of <c>.</c>.</summary>
    public Task ResolveAddressAsync(HttpContext context)
    {
        var text = Route(context, "ip").Replace('_', '.');
        if (!Addresses.TryParse(text, out var address)) throw new OakestraFault(400, "Invalid input parameters", [new Fault("ip", text, "must be an IPv4 address with '_' for '.', or an IPv6 address")]);
        return ResolveAsync(context, address.ToString());
    }

    /// <summary>GET /api/net/subnet: the caller's subnetwork, the same whenever it asks. A cluster that asks for one of its workers names it: <c>?worker=NAME</c>.</summary>
    public async Task LeaseSubnetAsync(HttpContext context)
    {
        var cluster = CallingCluster(context);
        var worker = context.Request.Query["worker"].ToString() is { Length: > 0 } given ? given : cluster;
        if (!Names.IsLabel(worker)) throw new OakestraFault(400, "Invalid input parameters", [new Fault("worker", worker, Names.LabelRule)]);
        var range = (await LeaseAsync(cluster, worker, context.RequestAborted)).Status!.Range!;
        await OakestraRoot.WriteAsync(context, new SubnetAnswer(First(range.Ipv4), First(range.Ipv6)), OakestraJson.Default.SubnetAnswer);
    }

    private async Task<Subnetwork> LeaseAsync(string cluster, string worker, CancellationToken cancellation)
    {
        var name = Subnetwork.NameFor(cluster, worker);
        var known = await local.GetAsync<Subnetwork>(name, cancellation);
        if (known is null)
        {
            var wanted = new Subnetwork { Metadata = new ObjectMeta { Name = name }, Spec = new SubnetworkSpec { Cluster = cluster, Worker = worker } };
            try
            {
                return await local.CreateAsync(wanted, cancellation);
            }
            catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
            {
                known = await local.GetAsync<Subnetwork>(name, cancellation);
            }
        }

        return known!.Spec.Released ? await local.UpdateAsync(known with { Spec = known.Spec with { Released = false } }, cancellation) : known;
    }

    private async Task ResolveAsync(HttpContext context, string query)
    {
        var caller = OakestraRoot.Caller(context);
        if (caller.Cluster is null && !caller.IsMaster) throw new OakestraFault(403, $"{caller.Name} is no cluster");
        if (table.Find(query)?.Service is not { } name || await local.GetAsync<FabricService>(name, context.RequestAborted) is not { } service)
            throw new OakestraFault(404, $"no service has the name or address {query}");
        if (caller.Cluster is { } cluster) await RegisterAsync(cluster, name, context.RequestAborted);
        var document = JobDocument.Make(service, await lookup.InstancesAsync(name, context.RequestAborted), lookup.PeerOf);
        await OakestraRoot.WriteAsync(context, document, OakestraJson.Default.JsonObject);
    }

    private async Task RegisterAsync(string cluster, string service, CancellationToken cancellation)
    {
        var interest = new Interest { Metadata = new ObjectMeta { Name = Interest.NameFor(cluster, service) }, Spec = new InterestSpec { Holder = cluster, Query = service } };
        try
        {
            await local.CreateAsync(interest, cancellation);
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            await local.MergePatchAsync<Interest>(interest.Key, """{"spec":{"renewedAt":null}}""", null, cancellation);
        }
    }

    private static string CallingCluster(HttpContext context)
    {
        var caller = OakestraRoot.Caller(context);
        return caller.Cluster ?? throw new OakestraFault(403, $"{caller.Name} is no cluster: this call is for one");
    }

    private static string First(string prefix) => IPNetwork.Parse(prefix).BaseAddress.ToString();

    private static string Route(HttpContext context, string name) => WebUtility.UrlDecode(context.Request.RouteValues[name]?.ToString() ?? "");
}

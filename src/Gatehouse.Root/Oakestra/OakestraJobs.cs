using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Root.Oakestra;

/// <summary>What Oakestra's system manager asks: services and instances.</summary>
internal sealed partial class OakestraJobs(IObjectClient local, OakestraLookup lookup)
{
    private readonly ConcurrentDictionary<string, byte> _deploying = new(StringComparer.Ordinal);

    /// <summary>POST /api/net/service/deploy.</summary>
    public async Task DeployServiceAsync(HttpContext context)
    {
        var body = await OakestraBody.ReadAsync(context);
        var id = body.Text("_id");
        if (id.Length > 0 && !JobId().IsMatch(id)) body.Fail("_id", "must be 1 to 64 letters, digits, '-' and '_'");
        var service = ReadService(body, id);
        body.ThrowIfFaulty("Invalid deployment descriptor");
        // Two posts of one _id under two names must not both pass the look-up.
        if (!_deploying.TryAdd(id, 0)) throw new OakestraFault(409, $"job {id} is being deployed by another request");
        try
        {
            await DeclareAsync(service, id, context.RequestAborted);
        }
        finally
        {
            _deploying.TryRemove(id, out _);
        }

        await OakestraRoot.WriteAsync(context, "Instance info added");
    }

    /// <summary>DELETE /api/net/service/ID.</summary>
    public async Task RemoveServiceAsync(HttpContext context)
    {
        var service = await lookup.ServiceOfJobAsync(Route(context, "id"), context.RequestAborted);
        var deployed = JobDocument.Deployed(await lookup.InstancesAsync(service.Metadata.Name, context.RequestAborted)).ToList();
        if (deployed.Count > 0)
            throw new OakestraFault(409, $"There are services still deployed: instances {string.Join(", ", deployed.Select(i => i.Spec.Number))} of {service.Metadata.Name}");
        await local.DeleteAsync<FabricService>(service.Key, new DeletePreconditions(service.Metadata.Uid), context.RequestAborted);
        await OakestraRoot.WriteAsync(context, "Job removed successfully");
    }

    /// <summary>POST /api/net/instance/deploy.</summary>
    public async Task DeployInstanceAsync(HttpContext context)
    {
        var body = await OakestraBody.ReadAsync(context);
        var (id, number, clusterId) = (body.Text("_id"), body.Number("instance_number", 0, 999_999), body.Text("cluster_id"));
        body.ThrowIfFaulty("Invalid input parameters");
        var service = await lookup.ServiceOfJobAsync(id, context.RequestAborted);
        var cluster = await lookup.ClusterAsync(clusterId, context.RequestAborted);
        var name = FabricInstance.NameFor(service.Metadata.Name, number);
        var wanted = new FabricInstance
        {
            Metadata = new ObjectMeta { Name = name },
            Spec = new FabricInstanceSpec { Service = service.Metadata.Name, Number = number, Cluster = cluster.Metadata.Name },
        };
        try
        {
            await local.CreateAsync(wanted, context.RequestAborted);
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            var there = await local.GetAsync<FabricInstance>(name, context.RequestAborted);
            if (there is null || there.Spec.Undeploy) throw new OakestraFault(409, $"instance {number} of {service.Metadata.Name} is being undeployed; try again when it is gone");
            if (there.Spec.Cluster != cluster.Metadata.Name) throw new OakestraFault(409, $"instance {number} of {service.Metadata.Name} runs in cluster {there.Spec.Cluster}");
        }

        await OakestraRoot.WriteAsync(context, "Instance info added");
    }

    /// <summary>DELETE /api/net/ID/NUMBER; -1 means every instance.</summary>
    public async Task UndeployAsync(HttpContext context)
    {
        var (id, text) = (Route(context, "id"), Route(context, "number"));
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < -1)
            throw new OakestraFault(400, "Invalid input parameters", [new Fault("instance_number", text, "must be a number of 0 or more, or -1 for all")]);
        var service = await lookup.ServiceOfJobAsync(id, context.RequestAborted);
        var instances = (await lookup.InstancesAsync(service.Metadata.Name, context.RequestAborted)).Where(i => number == -1 || i.Spec.Number == number).ToList();
        if (instances.Count == 0 && number != -1) throw new OakestraFault(404, $"Instance not found: {number} of {service.Metadata.Name}");
        foreach (var instance in instances) await UndeployAsync(instance, context.RequestAborted);
        await OakestraRoot.WriteAsync(context, "Instance info cleared");
    }

    /// <summary>POST /api/net/service/net_deploy_status: a cluster says where its instances are.</summary>
    public async Task ReportAsync(HttpContext context)
    {
        var caller = OakestraRoot.Caller(context);
        var body = await OakestraBody.ReadAsync(context);
        var id = body.Text("job_id");
        var reports = body.List("instances").Select(ReadReport).ToList();
        body.ThrowIfFaulty("Invalid input parameters");
        var service = await lookup.ServiceOfJobAsync(id, context.RequestAborted);
        List<(FabricInstance Instance, DeployReport Report)> known = [];
        foreach (var report in reports)
        {
            var name = FabricInstance.NameFor(service.Metadata.Name, report.Number);
            var instance = await local.GetAsync<FabricInstance>(name, context.RequestAborted) ?? throw new OakestraFault(404, $"Job not found: it has no instance {report.Number}");
            if (!caller.IsMaster && (caller.Cluster is null || instance.Spec.Cluster != caller.Cluster))
                throw new OakestraFault(403, $"{caller.Name} may not report on {name}, which belongs to cluster {instance.Spec.Cluster}");
            known.Add((instance, report));
        }

        foreach (var (instance, report) in known) await ReportAsync(instance, report, context.RequestAborted);
        await OakestraRoot.WriteAsync(context, "Status updated");
    }

    private static DeployReport ReadReport(OakestraBody body)
    {
        var report = new DeployReport(
            body.Number("instance_number", 0, 999_999), body.Text("namespace_ip"), body.OptionalText("namespace_ip_v6"), body.Text("host_ip"), body.Number("host_port", 1, 65_535));
        if (report.NamespaceIp.Length > 0 && !Addresses.TryParse(report.NamespaceIp, out _)) body.Fail("namespace_ip", "must be an IPv4 address");
        if (report.NamespaceIp6 is not null && !Addresses.TryParse(report.NamespaceIp6, out _)) body.Fail("namespace_ip_v6", "must be an IPv6 address");
        return report;
    }

    private async Task ReportAsync(FabricInstance instance, DeployReport report, CancellationToken cancellation)
    {
        var annotations = new Dictionary<string, string>(instance.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            [JobDocument.HostAnnotation] = string.Create(CultureInfo.InvariantCulture, $"{report.HostIp} {report.HostPort}"),
        };
        var stored = await local.UpdateAsync(instance with { Metadata = instance.Metadata with { Annotations = annotations } }, cancellation);
        var status = stored.Status! with { Phase = InstancePhase.Running, NamespaceAddress = new AddressPair(report.NamespaceIp, report.NamespaceIp6) };
        await local.UpdateStatusAsync(stored with { Status = status }, cancellation);
    }

    // A cluster that runs it takes it out in order and then frees it; an instance without cluster is nobody's to take out.
    private async Task UndeployAsync(FabricInstance instance, CancellationToken cancellation)
    {
        if (instance.Spec.Cluster is null) await local.DeleteAsync<FabricInstance>(instance.Key, null, cancellation);
        else if (!instance.Spec.Undeploy) await local.MergePatchAsync<FabricInstance>(instance.Key, """{"spec":{"undeploy":true}}""", null, cancellation);
    }

    private async Task DeclareAsync(FabricService wanted, string id, CancellationToken cancellation)
    {
        if (lookup.KnownJob(id) is { } same && same.Metadata.Name != wanted.Metadata.Name)
            throw new OakestraFault(409, $"job {id} is {same.Metadata.Name} already");
        try
        {
            lookup.Note(await local.CreateAsync(wanted, cancellation));
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            var there = await local.GetAsync<FabricService>(wanted.Key, cancellation);
            if (there?.Spec.JobId != id) throw new OakestraFault(409, $"service {wanted.Metadata.Name} is job {there?.Spec.JobId ?? "that is being removed"} already");
            // Posted again: the descriptor may have changed, the addresses and instances stay.
            await local.UpdateAsync(there with { Spec = wanted.Spec }, cancellation);
        }
    }

    private static FabricService ReadService(OakestraBody body, string id)
    {
        var descriptor = body.Object("deployment_descriptor");
        string[] parts =
        [
            Part(descriptor, "app_name"), Part(descriptor, "app_ns"), Part(descriptor, "service_name", "microservice_name"), Part(descriptor, "service_ns", "microservice_namespace"),
        ];
        var (rr4, rr6) = (descriptor.OptionalText("RR_ip"), descriptor.OptionalText("RR_ip_v6"));
        CheckWish(descriptor, "RR_ip", rr4, SemanticRange.ForIpv4);
        CheckWish(descriptor, "RR_ip_v6", rr6, SemanticRange.ForIpv6(AddressUse.RoundRobin));
        var jobName = string.Join('.', parts);
        return new FabricService
        {
            Metadata = new ObjectMeta { Name = JobDocument.NameOf(jobName) },
            Spec = new FabricServiceSpec
            {
                JobName = jobName,
                JobId = id,
                Policies = [BalancingPolicy.RoundRobin],
                Chosen = rr4 is null && rr6 is null ? [] : [new ServiceAddress(BalancingPolicy.RoundRobin, rr4, rr6)],
                Descriptor = descriptor.Json,
            },
        };
    }

    /// <summary>A part of the job's name; the first of its names that is there counts, and one that is there and wrong is told even so.</summary>
    private static string Part(OakestraBody descriptor, params ReadOnlySpan<string> names)
    {
        string? part = null;
        foreach (var name in names)
        {
            if (!descriptor.Json.TryGetProperty(name, out _)) continue;
            var text = descriptor.Text(name);
            if (text.Length > 0 && !NamePart().IsMatch(text)) descriptor.Fail(name, "must be 1 to 30 letters and digits");
            part ??= text;
        }

        return part ?? descriptor.Text(names[^1]);
    }

    /// <summary>Whether an address could be given at all; whether it is free is root's to decide in the write.</summary>
    private static void CheckWish(OakestraBody descriptor, string name, string? wish, SemanticRange range)
    {
        if (wish is null) return;
        if (!Addresses.TryParse(wish, out var address) || address.AddressFamily != range.Family)
            descriptor.Fail(name, $"must be an {(range.Family == System.Net.Sockets.AddressFamily.InterNetwork ? "IPv4" : "IPv6")} address in {range}");
        else if (range.OffsetOf(address) is null) descriptor.Fail(name, $"lies outside {range}");
    }

    private static string Route(HttpContext context, string name) => context.Request.RouteValues[name]?.ToString() ?? "";

    [GeneratedRegex("^[a-zA-Z0-9]{1,30}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex NamePart();

    [GeneratedRegex("^[a-zA-Z0-9_-]{1,64}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex JobId();

    private sealed record DeployReport(int Number, string NamespaceIp, string? NamespaceIp6, string HostIp, int HostPort);
}

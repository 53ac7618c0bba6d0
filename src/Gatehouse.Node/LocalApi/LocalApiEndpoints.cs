using System.Globalization;
using Gatehouse.Node.Instances;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Node.LocalApi;

/// <summary>What the local API does.</summary>
internal sealed class LocalApiEndpoints(NodeRole role)
{
    /// <summary>Shorter than the ten seconds for which the node engine waits.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(9);

    /// <summary>For the cluster, and root behind it, to give an instance its address or to say why not.</summary>
    private static readonly TimeSpan ToldPatience = TimeSpan.FromSeconds(5);

    public void Map(IEndpointRouteBuilder app)
    {
        app.MapPost("/register", RegisterAsync);
        app.MapPost("/container/deploy", DeployAsync);
        app.MapPost("/container/undeploy", UndeployAsync);
        app.MapPost("/docker/undeploy", UndeployAsync);
        app.MapPost("/unikernel/deploy", DeployUnikernelAsync);
        app.MapPost("/unikernel/undeploy", UndeployAsync);
        app.MapPost("/instances", AttachAsync);
        app.MapGet("/instances", ListAsync);
        app.MapDelete("/instances/{name}", DetachAsync);
        app.MapGet("/status", StatusAsync);
        app.MapGet("/doctor", DoctorAsync);
        app.MapGet("/trace", TraceAsync);
    }

    private async Task RegisterAsync(HttpContext http)
    {
        var request = await http.BodyAsync(LocalApiJson.Default.RegisterRequest);
        if (string.IsNullOrEmpty(request.ClientId)) throw new LocalApiException(400, "client_id: is required");
        await WaitUntilReadyAsync(http);
        if (role.Register(request.ClientId) is { } other) throw new LocalApiException(400, $"client_id: '{other}' is registered here already; this is '{request.ClientId}'");
        await StatusAsync(http);
    }

    private async Task DeployAsync(HttpContext http)
    {
        var request = await http.BodyAsync(LocalApiJson.Default.ContainerRequest);
        RequireClient();
        Throw(NameFaults("serviceName", request.ServiceName).Concat(NumberFaults("instanceNumber", request.InstanceNumber))
            .Concat(request.Pid is > 0 ? [] : [new Fault("pid", $"{request.Pid}", "must be the number of a process")]));
        var attached = await AttachAsync(http, new(request.ServiceName!, request.InstanceNumber!.Value, request.Pid!.Value, null, Blank(request.PortMappings)));
        var answer = new ContainerAnswer(request.ServiceName!, attached.Namespace!.Ipv4!, attached.Namespace.Ipv6!);
        await http.AnswerAsync(200, answer, LocalApiJson.Default.ContainerAnswer);
    }

    /// <summary>Everything that is wrong with the request is said first, so that the node engine's caller learns it here as with a container.</summary>
    private async Task DeployUnikernelAsync(HttpContext http)
    {
        var request = await http.BodyAsync(LocalApiJson.Default.ContainerRequest);
        RequireClient();
        Throw(NameFaults("serviceName", request.ServiceName).Concat(NumberFaults("instanceNumber", request.InstanceNumber)));
        throw new LocalApiException(501, "unikernels are not attached by this node: a virtual machine needs a tap device, and a translation of its own, in a network namespace made for it; "
            + "run the service as a container, or make the namespace, start the machine in it, and attach it by name (POST /instances with namespace)");
    }

    private async Task UndeployAsync(HttpContext http)
    {
        var request = await http.BodyAsync(LocalApiJson.Default.ContainerRequest);
        RequireClient();
        Throw(NameFaults("serviceName", request.ServiceName).Concat(NumberFaults("instanceNumber", request.InstanceNumber)));
        await EndAsync(new AttachRequest(request.ServiceName!, request.InstanceNumber!.Value, 0, null).Name, http.RequestAborted);
    }

    private async Task AttachAsync(HttpContext http)
    {
        var request = await http.BodyAsync(LocalApiJson.Default.InstanceRequest);
        IEnumerable<Fault> where = (request.Pid, request.Namespace) switch
        {
            (null or 0, null or "") => [new Fault("pid", "", "is required, or namespace: the process, or the named network namespace, to attach")],
            ( > 0, not null and not "") => [new Fault("namespace", request.Namespace!, "can't be given together with pid")],
            ( < 0, _) => [new Fault("pid", $"{request.Pid}", "must be the number of a process")],
            _ => [],
        };
        Throw(NameFaults("service", request.Service).Concat(NumberFaults("number", request.Number)).Concat(where));
        var wanted = new AttachRequest(request.Service!, request.Number!.Value, request.Pid ?? 0, Blank(request.Namespace), Blank(request.PortMappings));
        if (await role.IsLeavingAsync(wanted.Name, ToldPatience, http.RequestAborted)) throw Leaving(wanted);
        var attached = await AttachAsync(http, wanted);

        // It is attached, and is found by its instance address once there is one. Whether there is such a service is the cluster's to say.
        var told = await role.ToldAsync(attached.Name, ToldPatience, http.RequestAborted);
        var answer = Answer(attached with { Address = told?.Instance ?? attached.Address });
        await http.AnswerAsync(
            200, answer.Address4 is not null ? answer : answer with { Message = told?.Message ?? "the cluster has not answered yet" }, LocalApiJson.Default.InstanceAnswer);
    }

    private async Task DetachAsync(HttpContext http)
    {
        var name = (string)http.Request.RouteValues["name"]!;
        if (!role.Instances.Attached.ContainsKey(name)) throw new LocalApiException(404, $"no instance '{name}' is attached here");
        await role.DetachAsync(name, "it was detached", http.RequestAborted);
        await ListAsync(http);
    }

    private Task ListAsync(HttpContext http)
    {
        IReadOnlyList<InstanceAnswer> all =
        [
            .. role.Instances.Attached.Values.OrderBy(i => i.Name, StringComparer.Ordinal).Select(Answer),
        ];
        return http.AnswerAsync(200, all, LocalApiJson.Default.IReadOnlyListInstanceAnswer);
    }

    private static LocalApiException Leaving(AttachRequest request) =>
        new(409, $"{request.Name} is still being undeployed; once the cluster has taken it out it can be attached again");

    private static InstanceAnswer Answer(AttachedInstance i) => new(
        i.Name, i.Namespace?.Ipv4, i.Namespace?.Ipv6, i.Address?.Ipv4, i.Address?.Ipv6, i.Pid == 0 ? null : i.Pid, i.NamespaceName, i.PortMappings);

    private Task StatusAsync(HttpContext http) => http.AnswerAsync(200, role.Status(), LocalApiJson.Default.StatusAnswer);

    private Task DoctorAsync(HttpContext http) => http.AnswerAsync(200, role.Examine(), LocalApiJson.Default.IReadOnlyListFinding);

    private Task TraceAsync(HttpContext http)
    {
        var text = http.Request.Query["port"].ToString();
        ushort port = 0;
        if (text.Length > 0 && !ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port))
            throw new LocalApiException(400, $"port: '{text}' is not a port, 1 to 65535");
        return http.AnswerAsync(200, role.Trace(http.AddressQuery("src"), http.AddressQuery("dst"), port), LocalApiJson.Default.TraceReport);
    }

    private async Task<AttachedInstance> AttachAsync(HttpContext http, AttachRequest request)
    {
        await WaitUntilReadyAsync(http);
        if (role.IsLeaving(request.Name)) throw Leaving(request);
        var attached = await role.Instances.AttachAsync(request, role.AddressOf(request.Name), http.RequestAborted);
        role.Reconciler.Wake();
        return attached;
    }

    private Task EndAsync(string name, CancellationToken cancellation) => role.EndAsync(name, "its node engine undeployed it", cancellation);

    private async Task WaitUntilReadyAsync(HttpContext http)
    {
        try
        {
            await role.Ready.WaitAsync(Patience, http.RequestAborted);
        }
        catch (TimeoutException)
        {
            throw new LocalApiException(503, "this worker has no subnetwork yet; it waits for its cluster");
        }
    }

    private void RequireClient()
    {
        if (role.Client is null) throw new LocalApiException(400, "no client is registered; POST /register first");
    }

    private static string? Blank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private static IEnumerable<Fault> NameFaults(string field, string? name) => string.IsNullOrEmpty(name) ? [new Fault(field, "", "is required")]
        : Names.IsSubdomain(name.ToLowerInvariant()) ? [] : [new Fault(field, name, $"in lower case {Names.SubdomainRule}")];

    private static IEnumerable<Fault> NumberFaults(string field, int? number) => number switch
    {
        null => [new Fault(field, "", "is required")],
        < 0 or > 999_999 => [new Fault(field, $"{number}", "must be between 0 and 999999")],
        _ => [],
    };

    /// <exception cref="LocalApiException">400, with every fault.</exception>
    private static void Throw(IEnumerable<Fault> faults)
    {
        var all = faults.ToArray();
        if (all.Length > 0) throw new LocalApiException(400, string.Join("; ", all.Select(f => f.ToString())));
    }
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;
using Gatehouse.Root.ServiceAddresses;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Root.Oakestra;

/// <summary>Oakestra's public information (<c>/api/pubnet</c>), for callers with a bearer token.</summary>
internal sealed class OakestraNetInfo(IObjectClient local, OakestraLookup lookup, ResolutionTable table, AddressBook book)
{
    private const int MaxPreview = 1_000;

    /// <summary>GET netinfo/NAME.</summary>
    public Task ByNameAsync(HttpContext context) => AnswerAsync(context, JobDocument.NameOf(Route(context, "name").Replace('_', '.')));

    /// <summary>GET netinfo/ip/IP.</summary>
    public Task ByAddressAsync(HttpContext context)
    {
        var text = Route(context, "ip").Replace('_', '.');
        return AnswerAsync(context, Addresses.TryParse(text, out var address) ? address.ToString() : "");
    }

    /// <summary>GET netinfo/available-ip/COUNT?v=4 or 6: round-robin addresses that a wish for them would get.</summary>
    public Task AvailableAsync(HttpContext context)
    {
        OakestraRoot.Caller(context);
        var (text, family) = (Route(context, "count"), context.Request.Query["v"].ToString());
        List<Fault> faults = [];
        if (!int.TryParse(text.Length == 0 ? "1" : text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 1 or > MaxPreview)
            faults.Add(new Fault("count", text, $"must be a number from 1 to {MaxPreview}"));
        if (family is not ("" or "4" or "6")) faults.Add(new Fault("v", family, "must be 4 or 6"));
        if (faults.Count > 0) throw new OakestraFault(400, "Invalid input parameters", faults);
        var isV6 = family == "6";
        var addresses = book.Preview(isV6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, count);
        ServiceIp[] ips = [.. addresses.Select(a => isV6 ? new ServiceIp(null, a.ToString(), "IPv6") : new ServiceIp(a.ToString(), null, "IPv4"))];
        return OakestraRoot.WriteAsync(context, new AvailableIps(ips), OakestraJson.Default.AvailableIps);
    }

    // An unknown service is an empty answer, as Oakestra's clients expect.
    private async Task AnswerAsync(HttpContext context, string query)
    {
        OakestraRoot.Caller(context);
        var service = table.Find(query)?.Service is { } name ? await local.GetAsync<FabricService>(name, context.RequestAborted) : null;
        var instances = service is null ? [] : await lookup.InstancesAsync(service.Metadata.Name, context.RequestAborted);
        await OakestraRoot.WriteAsync(context, service is null ? new NetInfo() : Describe(service, instances), OakestraJson.Default.NetInfo);
    }

    private static NetInfo Describe(FabricService service, IReadOnlyList<FabricInstance> instances)
    {
        var parts = (service.Spec.JobName ?? service.Metadata.Name).Split('.');
        return new NetInfo
        {
            Application = Field(service, "applicationID"),
            AppName = parts.ElementAtOrDefault(0),
            AppNamespace = parts.ElementAtOrDefault(1),
            ServiceName = parts.ElementAtOrDefault(2),
            ServiceNamespace = parts.ElementAtOrDefault(3),
            JobId = service.Spec.JobId,
            ServiceIps = [.. (service.Status?.Addresses ?? []).Select(a => new ServiceIp(a.Ipv4, a.Ipv6, JobDocument.TypeOf(a.Policy)))],
            Instances = [.. JobDocument.Deployed(instances).Select(i => new NetInfoInstance(i.Spec.Cluster, i.Spec.Number, i.Status?.Instance?.Ipv4, i.Status?.Instance?.Ipv6))],
        };
    }

    private static string? Field(FabricService service, string name) =>
        service.Spec.Descriptor is { ValueKind: JsonValueKind.Object } d && d.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string Route(HttpContext context, string name) => WebUtility.UrlDecode(context.Request.RouteValues[name]?.ToString() ?? "");
}

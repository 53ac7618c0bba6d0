using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;
using Gatehouse.Output;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse trace</c>: what this worker does with a packet, rule by rule, and why.</summary>
internal static class TraceCommand
{
    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var node = new NodeSocket(host);
        var form = OutputOption.Create(OutputForm.Table, OutputForm.Json);
        var source = new Argument<string>("SRC") { Description = "Where the packet comes from: an address, or an instance such as web.0." };
        var target = new Argument<string>("DST[:PORT]") { Description = "Where it goes: an address (IPv6 in brackets before a port), a service, or an instance." };
        var command = new Command("trace", "Explain what this worker does with a packet: rule, policy, instance, tunnel, and why." + CommandParts.Examples + """
              gatehouse trace 10.18.0.2 10.30.0.1:80
              gatehouse trace web.0 dns:53
              gatehouse trace fc00::2 [fdff:2000::1]:80
            """) { source, target, node.Option, form };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (destination, port) = Split(parsed.GetRequiredValue(target));
            var names = new Lookup(() => access.Open(parsed));
            var to = await names.DestinationAsync(destination, cancellation);
            var from = await names.SourceAsync(parsed.GetRequiredValue(source), to.AddressFamily, cancellation);
            var query = string.Create(CultureInfo.InvariantCulture, $"/trace?src={from}&dst={to}&port={port}");
            var text = await node.SendAsync(parsed, HttpMethod.Get, query, body: null, cancellation);
            if (parsed.GetValue(form) == OutputForm.Json) host.Out.WriteLine(text);
            else Write(host, JsonNode.Parse(text)!.AsObject());
            return ExitCode.Ok;
        });
        return command.WithAccess(access);
    }

    /// <summary>Host and port; port 0 when there is none.</summary>
    /// <exception cref="UsageException">What follows the last colon is no port.</exception>
    internal static (string Host, int Port) Split(string text)
    {
        // An address in brackets with a port behind counts as an address too, and the port as nothing.
        var colon = text.LastIndexOf(':');
        if (!text.Contains("]:", StringComparison.Ordinal) && IPAddress.TryParse(text, out _)) return (text.Trim('[', ']'), 0);
        if (colon < 0) return (text, 0);
        if (int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65_535) return (text[..colon].Trim('[', ']'), port);
        throw new UsageException($"DST: '{text}' is not valid: ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT, with a port of 1 to 65535");
    }

    private static void Write(HostContext host, JsonObject report)
    {
        host.Out.WriteLine($"{report["source"]} -> {report["destination"]}: {report["verdict"]}");
        host.Out.WriteLine();
        TextTable.Write(host, ["RULE", "HAPPENS", "WHY"], Rows(report, "steps", "rule", "happens", "why"));
        if (report["instances"] is JsonArray { Count: > 0 })
        {
            host.Out.WriteLine();
            TextTable.Write(host, ["INSTANCE", "ADDRESS", "SHARE", "WAY"], Rows(report, "instances", "name", "namespaceAddress", "share", "way"));
        }

        if (report["flows"] is not JsonArray { Count: > 0 } flows) return;
        host.Out.WriteLine();
        host.Out.WriteLine("open flows, which stay where they are:");
        foreach (var flow in flows) host.Out.WriteLine($"  {flow}");
    }

    private static IEnumerable<IEnumerable<string>> Rows(JsonObject report, string list, params string[] fields) =>
        (report[list] as JsonArray ?? []).OfType<JsonObject>().Select(row => fields.Select(f => row[f]?.ToString() ?? "-"));

    /// <summary>Names to addresses, over the cluster's API; addresses need nobody.</summary>
    private sealed class Lookup(Func<HttpObjectClient> open)
    {
        public async Task<IPAddress> DestinationAsync(string text, CancellationToken cancellation)
        {
            if (CommandParts.TryAddress(text, out var address)) return address;
            using var client = open();
            if (await client.GetAsync<FabricService>(text, cancellation) is { Status.Addresses: [{ Ipv4: { } service }, ..] }) return IPAddress.Parse(service);
            if (await client.GetAsync<FabricInstance>(text, cancellation) is { Status.Instance.Ipv4: { } instance }) return IPAddress.Parse(instance);
            throw new UsageException($"DST: '{text}' is neither an address nor a service or instance that this cluster knows");
        }

        public async Task<IPAddress> SourceAsync(string text, AddressFamily family, CancellationToken cancellation)
        {
            if (CommandParts.TryAddress(text, out var address)) return address;
            using var client = open();
            var pair = (await client.GetAsync<FabricInstance>(text, cancellation))?.Status?.NamespaceAddress;
            var found = family == AddressFamily.InterNetwork ? pair?.Ipv4 : pair?.Ipv6;
            return found is not null ? IPAddress.Parse(found) : throw new UsageException($"SRC: '{text}' is neither an address nor an instance that runs");
        }
    }
}

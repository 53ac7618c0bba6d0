using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Access;
using Gatehouse.Output;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse doctor</c>: what on this worker breaks the overlay, or would, and what to do about it.</summary>
internal static class DoctorCommand
{
    public static Command Create(HostContext host)
    {
        var node = new NodeSocket(host);
        var form = OutputOption.Create(OutputForm.Table, OutputForm.Json);
        var command = new Command("doctor", "Examine this worker: kernel, settings, firewall, connection table, MTU, clock. Exit code 1 when something is broken." + CommandParts.Examples + """
              gatehouse doctor
              gatehouse lab run worker1 -- gatehouse doctor
            """) { node.Option, form };
        command.SetAction(async (parsed, cancellation) =>
        {
            var text = await node.SendAsync(parsed, HttpMethod.Get, "/doctor", body: null, cancellation);
            var findings = JsonNode.Parse(text)!.AsArray().OfType<JsonObject>().ToList();
            if (parsed.GetValue(form) == OutputForm.Json) host.Out.WriteLine(text);
            else Write(host, findings);
            return findings.Any(f => State(f) == "broken") ? ExitCode.Failed : ExitCode.Ok;
        });
        return command;
    }

    private static void Write(HostContext host, List<JsonObject> findings)
    {
        TextTable.Write(host, ["STATE", "WHAT", "SEEN"], findings.Select(f => new[] { State(f), Text(f, "name"), Text(f, "seen") }));
        foreach (var finding in findings.Where(f => f["breaks"] is not null || f["cure"] is not null))
        {
            host.Out.WriteLine();
            host.Out.WriteLine($"{Text(finding, "name")}: {Text(finding, "seen")}");
            if (finding["breaks"] is { } breaks) host.Out.WriteLine($"  breaks: {breaks}");
            if (finding["cure"] is { } cure) host.Out.WriteLine($"  cure:   {cure}");
        }
    }

    private static string State(JsonObject finding) => Text(finding, "severity").ToLowerInvariant() switch { "good" => "ok", var other => other };

    private static string Text(JsonObject value, string field) => value[field]?.ToString() ?? "";
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Lab;
using Gatehouse.Output;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lab status</c>.</summary>
internal static class LabStatusCommand
{
    public static Command Create(HostContext host)
    {
        var place = new LabPlace(host);
        var form = OutputOption.Create(OutputForm.Table, OutputForm.Json);
        var command = new Command("status", "Show the lab's hosts, addresses and processes. PID is the number that this machine knows a process by.") { place.Name, form };
        command.SetAction(parsed =>
        {
            var lab = place.Open(parsed);
            var state = lab.Require();
            var rows = HostLab.TopologyOf(state).Hosts.SelectMany(h => Rows(h, lab.Status(state))).ToList();
            if (parsed.GetValue(form) == OutputForm.Json) host.Out.WriteLine(new JsonArray([.. rows.Select(Json)]).ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
            else TextTable.Write(host, ["HOST", "ROLE", "STATE", "PID", "UNDERLAY", "PUBLIC", "LOG"], rows.Select(r => new[] { r.Host.Name, r.Role, r.State, r.Pid, Addresses(r.Host.Underlay), Addresses(r.Host.Public), r.Log }));
            if (lab.Runs()) return ExitCode.Ok;
            host.Error.WriteLine($"gatehouse: the lab does not run any more (was the machine restarted?): `gatehouse lab down --name {state.Name}` clears it away");
            return ExitCode.Failed;
        });
        return command;
    }

    private sealed record Row(LabHost Host, string Role, string State, string Pid, string Log);

    private static IEnumerable<Row> Rows(LabHost host, IReadOnlyList<LabProcessStatus> all)
    {
        var ours = all.Where(p => p.Process.Host == host.Name).ToList();
        if (ours.Count == 0) return [new Row(host, "-", "-", "-", "-")];
        return ours.Select(p => new Row(
            host, p.Process.Role, p.MachinePid is not null ? "running" : p.Process.Stopped ? "stopped" : "ended",
            p.MachinePid?.ToString(CultureInfo.InvariantCulture) ?? "-", p.Process.Log));
    }

    private static string Addresses(IReadOnlyList<string> addresses) => addresses.Count == 0 ? "-" : string.Join(',', addresses);

    private static JsonObject Json(Row row) => new()
    {
        ["host"] = row.Host.Name,
        ["role"] = row.Role,
        ["state"] = row.State,
        ["pid"] = int.TryParse(row.Pid, CultureInfo.InvariantCulture, out var pid) ? pid : null,
        ["underlay"] = new JsonArray([.. row.Host.Underlay.Select(a => (JsonNode)a)]),
        ["public"] = new JsonArray([.. row.Host.Public.Select(a => (JsonNode)a)]),
        ["log"] = row.Log,
    };
}

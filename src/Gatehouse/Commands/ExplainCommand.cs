using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Gatehouse.Output;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Supervision;
using Gatehouse.ProxyRun;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse explain</c>: why something is decided as it is.</summary>
internal static class ExplainCommand
{
    public static Command Create(HostContext host) => new("explain", "Say why something is decided as it is.") { Route(host) };

    private static Command Route(HostContext host)
    {
        var request = new Argument<string[]>("[METHOD] URL") { Description = "The request: [METHOD] [SCHEME://]HOST[:PORT]/PATH. METHOD is GET when it is not said.", Arity = new ArgumentArity(1, 2), HelpName = "[METHOD] URL" };
        var header = new Option<string[]>("--header", "-H") { Description = "A header field of the request; may be given several times.", HelpName = "'NAME: VALUE'" };
        var listener = new Option<string?>("--listener", "-l") { Description = "The listener that it comes to. Default: each that could get it.", HelpName = "NAME" };
        var control = new Option<string?>("--control") { Description = "The control socket of a proxy that runs. Default: that of the only one of this user.", HelpName = "SOCKET" };
        var config = new Option<string?>("--config", "-c") { Description = "Ask this file, without a proxy that runs.", HelpName = "FILE" };
        var form = OutputOption.Create(OutputForm.Table, OutputForm.Json);
        var command = new Command("route", "Say where a request goes, and why no other route takes it." + CommandParts.Examples + """
              gatehouse explain route http://shop.example.com/cart
              gatehouse explain route POST shop.example.com/api --header 'x-version: 2' --config routes.yaml
            """) { request, header, listener, control, config, form };
        command.SetAction((parsed, _) =>
        {
            var words = parsed.GetRequiredValue(request);
            if (parsed.GetValue(control) is not null && parsed.GetValue(config) is not null) throw new UsageException("--control, --config: one of both");
            var question = new ControlRequest
            {
                Act = ControlAct.Explain,
                Method = words.Length == 2 ? words[0] : null,
                Url = words[^1],
                Fields = parsed.GetValue(header) ?? [],
                Listener = parsed.GetValue(listener),
            };
            var explained = parsed.GetValue(config) is { } file ? FromFile(host, file, question)
                : ControlQuestions.Ask(ControlSockets.Find(parsed.GetValue(control), host), question).Deserialize(RouteExplanationJson.Default.RouteExplanation)!;
            if (parsed.GetValue(form) == OutputForm.Json) host.Out.WriteLine(JsonSerializer.Serialize(explained, RouteExplanationJson.Default.RouteExplanation));
            else Write(host, explained);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static RouteExplanation FromFile(HostContext host, string file, ControlRequest request)
    {
        var outcome = RoutesFile.Load(file, host.Time);
        if (outcome.Config is not { } config) throw new UsageException([.. outcome.Faults.Select(f => f.ToString())]);
        if (request.Listener is { } name && config.Listeners.All(l => l.Name != name)) throw new UsageException($"--listener: there is no listener {name} in {file}");
        var question = RouteQuestion.Read(request.Method, request.Url, request.Fields ?? [], out var problem) ?? throw new UsageException(problem!);
        using var compiler = new SnapshotCompiler(host.Time);
        compiler.Apply(config);
        return new RouteExplainer(compiler.Figures(config).Listeners, figure: null).Explain(question, request.Listener);
    }

    private static void Write(HostContext host, RouteExplanation explained)
    {
        host.Out.WriteLine($"{explained.Method} {explained.Url}" + (explained.Refused is { } refused ? $": refused with {refused}" : $": host {(explained.Host.Length > 0 ? explained.Host : "none")}, path {explained.Path}"));
        foreach (var listener in explained.Listeners) Write(host, listener);
        if (explained.Listeners.Count == 0) host.Out.WriteLine("no listener gets it");
        if (explained.NotAsked.Count == 0) return;
        host.Out.WriteLine();
        TextTable.Write(host, ["LISTENER", "NOT ASKED SINCE"], explained.NotAsked.Select(p => (IEnumerable<string>)[p.Name, p.Reason]));
    }

    private static void Write(HostContext host, ListenerExplanation listener)
    {
        host.Out.WriteLine();
        host.Out.WriteLine($"listener {listener.Name} ({listener.Protocol}, {listener.Address}): {listener.Outcome}");
        if (listener.HostPattern is { } pattern) host.Out.WriteLine($"host pattern {pattern}" + (listener.LessExact.Count > 0 ? $"; less exact: {string.Join(", ", listener.LessExact)}" : ""));
        if (listener.Routes.Count > 0)
        {
            host.Out.WriteLine();
            TextTable.Write(host, ["RANK", "ROUTE", "PATH", "VERDICT"], listener.Routes.Select((r, i) => (IEnumerable<string>)[Number(i + 1), r.Route, r.Path, r.Reason ?? "takes it"]));
        }

        if (listener.Endpoints.Count == 0) return;
        host.Out.WriteLine();
        TextTable.Write(host, ["ENDPOINT", "ADDRESS", "WEIGHT", "STATE", "IN FLIGHT", "REQUESTS", "FAILED"],
            listener.Endpoints.Select(e => (IEnumerable<string>)[e.Name, e.Address, Number(e.Weight), e.State, Number(e.Active), Number(e.Requests), Number(e.Failed)]));
    }

    private static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}

using System.Text;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Validation;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Routing;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Engine;

/// <summary>Says what an engine would do with a request, by the same tables and the same reader of heads as its loops.</summary>
/// <param name="listeners">All listeners.</param>
/// <param name="figure">A figure over all loops; null without a running engine.</param>
internal sealed class RouteExplainer(IReadOnlyList<ListenerState> listeners, Func<int, Counter, long>? figure)
{
    /// <summary>Explains.</summary>
    /// <param name="question">The request.</param>
    /// <param name="name">The only listener that is meant; null: all that could get it.</param>
    public RouteExplanation Explain(RouteQuestion question, string? name)
    {
        List<ListenerExplanation> asked = [];
        List<Passed> passed = [];
        foreach (var listener in listeners)
        {
            if (WhyNotAsked(listener.Current.Config, question, name) is { } reason) passed.Add(new Passed(listener.Name, reason));
            else asked.Add(Explain(listener, question));
        }

        var head = question.Head;
        var read = Read(question, HeadLimits(asked.Count > 0 ? listeners.First(l => l.Name == asked[0].Name) : null));
        return new RouteExplanation
        {
            Method = question.Method,
            Url = question.Url,
            Host = read is null ? Text(head.Host.In(question.Bytes)) : "",
            Path = read is null && RoutePath.TryNormalize(PathOf(question), new byte[question.Bytes.Length], out var normal) ? Text(normal) : "",
            Refused = read,
            Listeners = asked,
            NotAsked = passed,
        };
    }

    private static string? WhyNotAsked(Listener listener, RouteQuestion question, string? name)
    {
        if (name is not null) return listener.Name == name ? null : "another one was asked for";
        if (question.Port is { } port && listener.Address.Port != 0 && listener.Address.Port != port) return $"it listens at port {listener.Address.Port}, and the URL says {port}";
        var protocol = listener.Protocol;
        if (protocol is ListenerProtocol.Udp or ListenerProtocol.Tcp) return $"it passes on {ListenerRules.Word(protocol)} unread";
        if (question.Scheme == "https" && protocol == ListenerProtocol.Http) return "it speaks http, and the URL says https";
        return question.Scheme != "https" && protocol is ListenerProtocol.Tls or ListenerProtocol.TlsPassthrough || (question.Scheme == "http" && protocol == ListenerProtocol.Https)
            ? $"it speaks {(protocol == ListenerProtocol.Https ? "https" : "TLS")}, and the URL does not say https" : null;
    }

    private ListenerExplanation Explain(ListenerState listener, RouteQuestion question)
    {
        var (config, address) = (listener.Current.Config, listener.Current.Config.Address.ToString());
        var blank = new ListenerExplanation { Name = config.Name, Address = address, Protocol = ListenerRules.Word(config.Protocol), Outcome = "" };
        if (Read(question, HeadLimits(listener)) is { } fault) return blank with { Outcome = fault };
        return ListenerRules.IsHttp(config.Protocol) ? ExplainHttp(blank, listener.Current, question) : ExplainStream(blank, listener.Current, question);
    }

    private ListenerExplanation ExplainHttp(ListenerExplanation blank, ListenerModel model, RouteQuestion question)
    {
        var (head, bytes) = (question.Head, question.Bytes);
        if (head.MethodKind is HttpMethodKind.Connect or HttpMethodKind.Trace) return blank with { Outcome = $"405: {Refusal.MethodNotAllowed.Text()}" };
        if (!RoutePath.TryNormalize(PathOf(question), new byte[bytes.Length], out var path)) return blank with { Outcome = $"400: {Refusal.PathEscape.Text()}" };
        var hosts = model.Hosts.Matches(head.Host.In(bytes));
        var steps = hosts.Count > 0 ? hosts[0].Value.Explain(path, head, bytes) : [];
        var route = steps.FirstOrDefault(s => s.Reason is null).Route;
        var explained = blank with
        {
            HostPattern = hosts.Count > 0 ? hosts[0].Pattern : null,
            LessExact = [.. hosts.Skip(1).Select(h => h.Pattern)],
            Routes = [.. steps.Select(s => new RouteStep(s.Route.ToString(), PathTable.Described(s.Route.Path), s.Reason))],
        };
        if (route is not null) return Lead(explained with { Route = route.ToString() }, route, $"route {route} takes it");
        var none = hosts.Count == 0 ? "no virtual host here has the name" : "no route of the host takes it";
        return model.Default is { } fallback ? Lead(explained, fallback, $"{none}: the listener's default takes it") : explained with { Outcome = $"404: {none}, and the listener has no default" };
    }

    private ListenerExplanation ExplainStream(ListenerExplanation blank, ListenerModel model, RouteQuestion question)
    {
        var names = model.ServerNames?.Matches(question.Head.Host.In(question.Bytes)) ?? [];
        var explained = blank with { HostPattern = names.Count > 0 ? names[0].Pattern : null, LessExact = [.. names.Skip(1).Select(n => n.Pattern)] };
        if (names.Count > 0) return Lead(explained, names[0].Value, $"the server name is led by {names[0].Pattern}");
        return model.Default is { } fallback ? Lead(explained, fallback, "the listener's default takes it") : explained with { Outcome = "closed: no server name here is the host's, and the listener has no default" };
    }

    private ListenerExplanation Lead(ListenerExplanation explained, RouteModel route, string outcome)
    {
        if (route.Respond is { } answer) return explained with { Outcome = $"{outcome}, and answers {answer.Status} itself" };
        var group = route.Upstream!.Current;
        var endpoints = group.Endpoints.Zip(group.Config.Endpoints, Step).ToList();
        var able = !group.IsUnspeakable && group.Config.Endpoints.Any(e => e.Weight > 0);
        var end = group.IsUnspeakable ? $"group {group.Config.Name}, whose TLS can't be set up: 503" : able ? $"group {group.Config.Name}" : $"group {group.Config.Name}, which has no endpoint that takes requests: 503";
        return explained with { Group = group.Config.Name, Outcome = $"{outcome}; to {end}", Endpoints = endpoints };
    }

    private EndpointStep Step(EndpointModel model, Endpoint config) => new(
        config.Name, config.Address.ToString(), config.Weight, config.Weight > 0 ? "takes requests" : "weight 0: takes none",
        figure is null ? null : model.Active,
        figure?.Invoke(model.Index, Counter.Requests),
        figure is null ? null : figure(model.Index, Counter.ConnectErrors) + figure(model.Index, Counter.ResponseErrors));

    /// <summary>Reads the head as the loops do. What it is refused for; null: it is not.</summary>
    private static string? Read(RouteQuestion question, in HeadLimits limits)
    {
        var scan = default(HeadScan);
        return question.Head.Read(question.Bytes, ref scan, limits) switch
        {
            HeadStatus.Complete when question.Head.Length == question.Bytes.Length => null,
            HeadStatus.Invalid => $"{question.Head.Fault.Status()}: {question.Head.Fault.Text()}",
            _ => "400: what was given is not one head",
        };
    }

    private static HeadLimits HeadLimits(ListenerState? listener) => listener?.Current.Limits ?? new HeadLimits(8_192, 65_536, 100);

    private static ReadOnlySpan<byte> PathOf(RouteQuestion question) =>
        question.Head.Path.Length == 0 || question.Head.Form == TargetForm.Asterisk ? "/"u8 : question.Head.Path.In(question.Bytes);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}

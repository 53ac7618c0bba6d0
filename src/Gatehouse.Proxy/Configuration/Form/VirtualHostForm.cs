using System.Globalization;
using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of a virtual host.</summary>
internal static class VirtualHostForm
{
    private static readonly Field<VirtualHost, string> Name = new("name", Shapes.Name, v => v.Name, "", "Its name. Default: the first of its hosts, if that is an exact name.");

    private static readonly Field<VirtualHost, EquatableArray<string>> Hosts = new("hosts", new ListShape<string>(Shapes.Host, 1_000), v => v.Hosts, [],
        "Host names without port. The most exact wins: an exact one, *. (one label), **. (any depth, the longest first), * (any). Names with an asterisk stand in quotes.")
    { Required = true, Synonym = "host" };

    private static readonly Field<VirtualHost, EquatableArray<string>> Listeners = new("listeners", new ListShape<string>(Shapes.Reference, 1_024), v => v.Listeners, [], "Names of listeners. Without them: all that speak HTTP.");

    private static readonly Field<VirtualHost, string?> Certificate = new("certificate", Shapes.Reference!, v => v.Certificate, null,
        "The name of the certificate for its hosts. Without it: one of the listener's that has the name, or its default.");

    private static readonly Field<VirtualHost, EquatableArray<Route>> Routes = new("routes", new ListShape<Route>(RouteForm.Shape, 10_000, lone: false), v => v.Routes, [],
        "Its routes. Of several that match, the one with the higher priority wins; then an exact path over a regular expression over a prefix; then the longer pattern; then one with a method; then the one with more header fields; then the one with more query parameters; then the first.")
    {
        Group = "routes",
    };

    public static ObjectShape<VirtualHost> Shape { get; } = new("virtualHost", "Host names with their routes. What none of its routes takes goes to the listener's default upstream.",
        [Name, Hosts, Listeners, Certificate, Routes, .. RouteForm.Inline(Routes)], static v => new VirtualHost
        {
            Name = NameOf(Name.From(v), Hosts.From(v)),
            Hosts = Hosts.From(v),
            Listeners = Listeners.From(v),
            Certificate = Certificate.From(v),
            Routes = Named(Routes.From(v)),
        })
    {
        Rule = VirtualHostRules.Check,
    };

    private static string NameOf(string name, EquatableArray<string> hosts) => name.Length == 0 && hosts.Count > 0 && TextRules.Name(hosts[0]) is null ? hosts[0] : name;

    /// <summary>Gives a name to the routes that have none. Only what a person wrote has such.</summary>
    private static EquatableArray<Route> Named(EquatableArray<Route> routes)
    {
        var items = routes.AsSpan();
        var first = 0;
        while (first < items.Length && items[first].Name.Length > 0) first++;
        if (first == items.Length) return routes;
        var named = items.ToArray();
        for (var i = first; i < named.Length; i++)
        {
            if (named[i].Name.Length == 0) named[i] = named[i] with { Name = string.Create(CultureInfo.InvariantCulture, $"route-{i + 1}") };
        }

        return new EquatableArray<Route>(named);
    }
}

using System.Net;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Validation;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>What is served of a configuration in which something is wrong. Requests never go to another service because of it.</summary>
public sealed class LenientTests
{
    private static readonly ManualTimeProvider Time = new(Read.Now);
    private static readonly UpstreamGroup App = new() { Name = "app", Endpoints = [Serving("10.0.0.1:80"), Serving("10.0.0.2:80")] };
    private static readonly Listener Web = new() { Name = "web", Address = IPEndPoint.Parse("127.0.0.1:80") };
    private static readonly Listener Secure = new() { Name = "secure", Address = IPEndPoint.Parse("127.0.0.1:443"), Protocol = ListenerProtocol.Https, Tls = new ListenerTls { DefaultCertificate = "c" } };
    private static readonly VirtualHost Shop = new() { Name = "shop", Hosts = ["shop.example.com"], Routes = [To("all", "app")] };
    private static readonly Certificate Right = new() { Name = "c", Chain = TestCertificates.Chain, Key = TestCertificates.Key };
    private static readonly ProxyConfig Whole = new() { Listeners = [Web, Secure], VirtualHosts = [Shop], Upstreams = [App], Certificates = [Right] };

    [Fact]
    public void What_is_right_is_served_as_it_is()
    {
        var outcome = ConfigValidator.CheckLeniently(Whole, Time);

        Assert.Empty(outcome.Faults);
        Assert.Same(Whole, outcome.Config);
    }

    [Fact]
    public void A_route_that_can_not_be_matched_is_left_out() => Assert.Equal(
        Whole,
        Rest(Whole with { VirtualHosts = [Shop with { Routes = [To("bad", "app") with { Path = new(PathMatchKind.Regex, "(") }, To("all", "app")] }] }, "virtualHosts[0].routes[0].regex"));

    [Fact]
    public void A_route_whose_answer_is_wrong_keeps_its_requests() => Assert.Equal(
        Whole with { VirtualHosts = [Shop with { Routes = [Unavailable("admin") with { Path = new(PathMatchKind.Prefix, "/admin") }, To("all", "app")] }] },
        Rest(Whole with { VirtualHosts = [Shop with { Routes = [To("admin", null) with { Path = new(PathMatchKind.Prefix, "/admin") }, To("all", "app")] }] }, "virtualHosts[0].routes[0].to"));

    [Fact]
    public void A_group_that_is_not_there_is_one_without_endpoints() => Assert.Equal(
        Whole with { VirtualHosts = [Shop with { Routes = [To("all", "gone")] }], Upstreams = [App, new UpstreamGroup { Name = "gone" }] },
        Rest(Whole with { VirtualHosts = [Shop with { Routes = [To("all", "gone")] }] }, "virtualHosts[0].routes[0].to"));

    [Fact]
    public void A_group_that_is_not_there_and_has_no_name_either_is_a_503() => Assert.Equal(
        Whole with { VirtualHosts = [Shop with { Routes = [Unavailable("all")] }] },
        Rest(Whole with { VirtualHosts = [Shop with { Routes = [To("all", "no name!")] }] }, "virtualHosts[0].routes[0].to"));

    [Fact]
    public void A_wrong_group_is_one_without_endpoints_and_a_wrong_endpoint_is_left_out()
    {
        Assert.Equal(Whole with { Upstreams = [new UpstreamGroup { Name = "app" }] }, Rest(Whole with { Upstreams = [App with { Tls = new UpstreamTls { Authorities = "no PEM" } }] }, "upstreams[0].tls.authorities"));
        Assert.Equal(Whole, Rest(Whole with { Upstreams = [App with { Endpoints = [.. App.Endpoints, Serving("10.0.0.3:80") with { Weight = -1 }] }] }, "upstreams[0].endpoints[2].weight"));
    }

    [Fact]
    public void Of_two_with_one_name_the_first_is_served()
    {
        Assert.Equal(Whole, Rest(Whole with { Upstreams = [App, App with { Retries = 5 }] }, "upstreams[1].name"));
        Assert.Equal(Whole, Rest(Whole with { Listeners = [Web, Secure, Web with { Name = "other" }] }, "listeners[2].address"));
        Assert.Equal(Whole, Rest(Whole with { VirtualHosts = [Shop, Shop with { Hosts = ["*"] }] }, "virtualHosts[1].name"));
    }

    [Fact]
    public void A_wrong_host_is_left_out_and_a_virtual_host_without_any_too()
    {
        Assert.Equal(Whole, Rest(Whole with { VirtualHosts = [Shop with { Hosts = ["shop.example.com", "UPPER"] }] }, "virtualHosts[0].hosts[1]"));
        Assert.Equal(Whole, Rest(Whole with { VirtualHosts = [Shop, Shop with { Name = "b", Hosts = ["UPPER"] }] }, "virtualHosts[1].hosts[0]"));
    }

    [Fact]
    public void A_virtual_host_of_a_listener_that_is_left_out_is_not_given_to_the_others()
    {
        var bad = Web with { Name = "bad", Address = IPEndPoint.Parse("127.0.0.1:81"), Limits = new ClientLimits { Fields = 0 } };
        var only = Shop with { Name = "only", Listeners = ["bad"] };
        var both = Shop with { Name = "both", Listeners = ["bad", "web"] };

        Assert.Equal(
            Whole with { VirtualHosts = [Shop, both with { Listeners = ["web"] }] },
            Rest(Whole with { Listeners = [Web, Secure, bad], VirtualHosts = [Shop, only, both] }, "listeners[2].limits.fields"));
    }

    [Fact]
    public void A_listener_without_its_certificate_is_left_out_unless_it_has_another()
    {
        var wrong = Right with { Key = TestCertificates.OtherKey };
        var second = Right with { Name = "d" };

        Assert.Equal(Whole with { Listeners = [Web], Certificates = [] }, Rest(Whole with { Certificates = [wrong] }, "certificates[0].key"));
        Assert.Equal(
            Whole with { Listeners = [Web, Secure with { Tls = new ListenerTls { Certificates = ["d"] } }], Certificates = [second] },
            Rest(Whole with { Listeners = [Web, Secure with { Tls = new ListenerTls { DefaultCertificate = "c", Certificates = ["c", "d"] } }], Certificates = [wrong, second] }, "certificates[0].key"));
    }

    [Fact]
    public void A_virtual_host_without_its_certificate_is_served_with_the_listeners() => Assert.Equal(
        Whole, Rest(Whole with { VirtualHosts = [Shop with { Certificate = "gone" }] }, "virtualHosts[0].certificate"));

    [Fact]
    public void An_upstream_that_would_show_a_missing_certificate_is_not_asked_without_it() => Assert.Equal(
        Whole with { Upstreams = [new UpstreamGroup { Name = "app" }] },
        Rest(Whole with { Upstreams = [App with { Tls = new UpstreamTls { Certificate = "gone" } }] }, "upstreams[0].tls.certificate"));

    [Fact]
    public void Wrong_settings_are_those_of_nobody() => Assert.Equal(
        Whole, Rest(Whole with { Engine = new EngineSettings { Threads = -1 }, AccessLog = new AccessLog { Path = "" } }, "engine.threads", "accessLog.path"));

    [Fact]
    public void What_was_right_before_is_not_looked_into_again()
    {
        // The certificate is wrong, and was called right: only what is new is looked into, and how all fits together.
        var known = Whole with { Certificates = [Right with { Key = "nonsense" }] };
        var next = known with { Upstreams = [App with { Retries = -1 }], VirtualHosts = [Shop with { Certificate = "gone" }] };

        Assert.Equal(["upstreams[0].retries", "virtualHosts[0].certificate"], ConfigValidator.Check(next, Time, known).Faults.Select(f => f.Path));
        Assert.Equal(["upstreams[0].retries", "certificates[0].key", "virtualHosts[0].certificate"], ConfigValidator.Check(next, Time).Faults.Select(f => f.Path));
    }

    private static ProxyConfig Rest(ProxyConfig config, params string[] faults)
    {
        var outcome = ConfigValidator.CheckLeniently(config, Time);
        Assert.Equal(faults, outcome.Faults.Select(f => f.Path));
        Assert.Null(ConfigValidator.Check(config, Time).Config);
        Assert.Empty(ConfigValidator.Check(outcome.Config!, Time).Faults);
        return outcome.Config!;
    }

    private static Route To(string name, string? upstream) => new() { Name = name, Upstream = upstream };

    private static Route Unavailable(string name) => new() { Name = name, Respond = new FixedResponse { Status = 503 } };

    private static Endpoint Serving(string address) => new() { Name = address, Address = IPEndPoint.Parse(address) };
}

using System.Text;

namespace Gatehouse.Bench.Proxy.Peers;

/// <summary>HAProxy as Debian ships it, told to do the least that the part asks for.</summary>
internal static class Haproxy
{
    public static Task<ProxyProcess> StartAsync(ProxySetup setup, CancellationToken cancellation) => StartAsync("haproxy", setup, "", cancellation);

    /// <param name="name">Of this one among several.</param>
    /// <param name="tuning">More lines for its global section.</param>
    public static async Task<ProxyProcess> StartAsync(string name, ProxySetup setup, string tuning, CancellationToken cancellation)
    {
        var ports = ProxyPorts.Take();
        var file = setup.Write(name, "haproxy.cfg", Text(name, setup, ports, tuning));
        // -db: in the foreground and without the process that watches over it, which would add to its memory and nothing else.
        return await ProxyProcess.StartAsync($"{setup.Name}-{name}", setup.Folder, ports, ["/usr/sbin/haproxy", "-db", "-f", file], cancellation);
    }

    /// <summary>Where its commands are taken.</summary>
    public static string CommandSocket(string name, ProxySetup setup) => setup.File(name, "s");

    /// <summary>The file that its map of hosts and prefixes is read from, which is also the map's name.</summary>
    public static string MapFile(string name, ProxySetup setup) => setup.File(name, "routes.map");

    private static string Text(string name, ProxySetup setup, ProxyPorts ports, string tuning)
    {
        // It writes no log file itself; raw lines to a standard output that is a file are the cheapest it has. Through syslog it costs a third more.
        var log = setup.Log ? "log stdout format raw local0 info" : "";
        // No strict limits: it wants two descriptors for each connection that it might have, and gets on with fewer, since idle ones have no upstream.
        return $"""
            global
                nbthread 1
                maxconn {ProxySetup.Connections}
                no strict-limits
                stats socket {CommandSocket(name, setup)} mode 600 level admin
                {log}
                {tuning}
            defaults
                mode {(setup.Spoken == Spoken.Tcp ? "tcp" : "http")}
                timeout connect 5s
                timeout client {ProxySetup.KeepSeconds}s
                timeout server {ProxySetup.KeepSeconds}s
                {(setup.Log ? "log global" : "")}
            {(setup.Spoken == Spoken.Tcp ? Tcp(setup, ports) : Http(name, setup, ports))}
            listen stats
                mode http
                bind 127.0.0.1:{ports.Admin}
                stats enable
                stats uri /stats

            """;
    }

    // Told to splice: splice-auto finds out by itself that it pays, and with one stream it mostly does not find out.
    private static string Tcp(ProxySetup setup, ProxyPorts ports) => $"""
        listen bulk
            bind 127.0.0.1:{ports.Traffic}
            option splice-request
            option splice-response
            server one 127.0.0.1:{setup.Backends[0]}
        """;

    private static string Http(string name, ProxySetup setup, ProxyPorts ports)
    {
        // A map of "host/prefix" is looked up in a tree, in time that does not depend on its size: the cheapest way to so many hosts and prefixes.
        var map = new StringBuilder();
        for (var host = 0; host < setup.Hosts; host++)
        {
            for (var group = 0; group < ProxySetup.Groups; group++) map.Append(ProxySetup.Host(host)).Append(ProxySetup.Prefix(group)).Append(" g").Append(group).Append('\n');
        }

        File.WriteAllText(MapFile(name, setup), map.ToString());
        // TLS 1.3 alone. Its tickets stay on: told no-tls-tickets, this version still sends two that nobody can use, so all contenders send two, and the client takes none of them up.
        var tls = setup.Spoken == Spoken.Https ? $" ssl crt {setup.Certificate!.Both} ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3 alpn http/1.1" : "";
        // Reuse always: an upstream connection serves any client's request, also a connection's first one. With the default (safe) each new client connection would cost one upstream.
        var backends = string.Join('\n', setup.Backends.Select((port, group) => $"""
            backend g{group}
                http-reuse always
                server one 127.0.0.1:{port}
            """));
        return $"""
            frontend web
                bind 127.0.0.1:{ports.Traffic}{tls}
                timeout http-keep-alive {ProxySetup.KeepSeconds}s
                timeout http-request 10s
                option forwardfor
                http-request set-header X-Forwarded-Proto {(setup.Spoken == Spoken.Https ? "https" : "http")}
                http-request set-header X-Forwarded-Host %[req.hdr(host)]
                http-request set-header X-Forwarded-Port %[dst_port]
                {(setup.Log ? "option httplog" : "")}
                use_backend %[base,map_beg({MapFile(name, setup)})]
            {backends}
            """;
    }
}

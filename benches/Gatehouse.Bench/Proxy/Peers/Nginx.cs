namespace Gatehouse.Bench.Proxy.Peers;

/// <summary>nginx as Debian ships it (nginx-light), told to do the least that the part asks for.</summary>
internal static class Nginx
{
    /// <param name="name">Of this one among several.</param>
    /// <param name="serverForEachHost">
    /// Whether each host has a server of its own, as where hosts lead to different places. Here they don't, and one server with all names spares nginx the memory of 15,000 locations, which its
    /// caches have no room for: a quarter of its time. The figure is against the cheaper one.
    /// </param>
    public static async Task<ProxyProcess> StartAsync(string name, ProxySetup setup, bool serverForEachHost, CancellationToken cancellation)
    {
        var ports = ProxyPorts.Take();
        var file = setup.Write(name, "nginx.conf", Text(name, setup, ports, serverForEachHost));
        // -e: or it would open its log in /var/log before it reads the configuration.
        return await ProxyProcess.StartAsync($"{setup.Name}-{name}", setup.Folder, ports, ["/usr/sbin/nginx", "-e", "stderr", "-c", file], cancellation);
    }

    private static string Text(string name, ProxySetup setup, ProxyPorts ports, bool serverForEachHost)
    {
        var hosts = Enumerable.Range(0, setup.Hosts).Select(ProxySetup.Host);
        var servers = string.Concat((serverForEachHost ? hosts : [string.Join(' ', hosts)]).Select(names => Server(names, setup, ports)));
        // 64 kept connections are enough for 64 clients; without HTTP/1.1 and an empty Connection it would keep none. A thousand requests, the default, would close them all the time.
        var upstreams = string.Concat(setup.Backends.Select((port, group) =>
            $"upstream g{group} {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000000; keepalive_timeout {ProxySetup.KeepSeconds}s; }}\n"));
        return $$"""
            daemon off;
            worker_processes 1;
            worker_rlimit_nofile {{(2 * ProxySetup.Connections) + 1000}};
            pid {{setup.File(name, "pid")}};
            error_log stderr error;
            events { worker_connections {{(2 * ProxySetup.Connections) + 100}}; }
            http {
                access_log off;
                client_body_temp_path {{setup.File(name, "body")}};
                proxy_temp_path {{setup.File(name, "proxy")}};
                fastcgi_temp_path {{setup.File(name, "fastcgi")}};
                uwsgi_temp_path {{setup.File(name, "uwsgi")}};
                scgi_temp_path {{setup.File(name, "scgi")}};
                keepalive_requests 1000000000;
                keepalive_timeout {{ProxySetup.KeepSeconds}}s;
                server_names_hash_max_size 65536;
                server_names_hash_bucket_size 128;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_set_header X-Forwarded-Proto $scheme;
                proxy_set_header X-Forwarded-Host $http_host;
                proxy_set_header X-Forwarded-Port $server_port;
                {{(setup.Spoken == Spoken.Https ? Tls(setup) : "")}}
                {{upstreams}}
                {{servers}}
                server { listen 127.0.0.1:{{ports.Admin}}; location / { stub_status; } }
            }

            """;
    }

    // Names are hashed, prefixes are in a tree.
    private static string Server(string names, ProxySetup setup, ProxyPorts ports)
    {
        var locations = Enumerable.Range(0, ProxySetup.Groups).Select(group => $"location {ProxySetup.Prefix(group)}/ {{ proxy_pass http://g{group}; }}");
        return $"server {{ listen 127.0.0.1:{ports.Traffic}{(setup.Spoken == Spoken.Https ? " ssl" : "")}; server_name {names}; {string.Join(' ', locations)} }}\n";
    }

    private static string Tls(ProxySetup setup) =>
        $"ssl_certificate {setup.Certificate!.Chain}; ssl_certificate_key {setup.Certificate.Key}; ssl_protocols TLSv1.3;";
}

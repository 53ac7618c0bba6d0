using System.Text;

namespace Gatehouse.Bench.Proxy.Peers;

/// <summary>nginx as Debian ships it (nginx-light), told to do the least that the part asks for.</summary>
internal static class Nginx
{
    public static async Task<ProxyProcess> StartAsync(ProxySetup setup, CancellationToken cancellation)
    {
        var ports = ProxyPorts.Take();
        var file = setup.Write("nginx", "nginx.conf", Text(setup, ports));
        // -e: or it would open its log in /var/log before it reads the configuration.
        return await ProxyProcess.StartAsync($"{setup.Name}-nginx", setup.Folder, ports, ["/usr/sbin/nginx", "-e", "stderr", "-c", file], cancellation);
    }

    private static string Text(ProxySetup setup, ProxyPorts ports)
    {
        var tls = setup.Spoken == Spoken.Https ? " ssl" : "";
        // A server for each host and a location for each prefix is how it is meant: names are hashed, prefixes are in a tree.
        var servers = new StringBuilder();
        for (var host = 0; host < setup.Hosts; host++)
        {
            servers.Append($"server {{ listen 127.0.0.1:{ports.Traffic}{tls}; server_name {ProxySetup.Host(host)};");
            for (var group = 0; group < ProxySetup.Groups; group++) servers.Append($" location {ProxySetup.Prefix(group)}/ {{ proxy_pass http://g{group}; }}");
            servers.Append(" }\n");
        }

        // 64 kept connections are enough for 64 clients; without HTTP/1.1 and an empty Connection it would keep none. A thousand requests, the default, would close them all the time.
        var upstreams = string.Concat(setup.Backends.Select((port, group) =>
            $"upstream g{group} {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000000; keepalive_timeout {ProxySetup.KeepSeconds}s; }}\n"));
        return $$"""
            daemon off;
            worker_processes 1;
            worker_rlimit_nofile {{(2 * ProxySetup.Connections) + 1000}};
            pid {{setup.File("nginx", "pid")}};
            error_log stderr error;
            events { worker_connections {{(2 * ProxySetup.Connections) + 100}}; }
            http {
                access_log off;
                client_body_temp_path {{setup.File("nginx", "body")}};
                proxy_temp_path {{setup.File("nginx", "proxy")}};
                fastcgi_temp_path {{setup.File("nginx", "fastcgi")}};
                uwsgi_temp_path {{setup.File("nginx", "uwsgi")}};
                scgi_temp_path {{setup.File("nginx", "scgi")}};
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

    private static string Tls(ProxySetup setup) =>
        $"ssl_certificate {setup.Certificate!.Chain}; ssl_certificate_key {setup.Certificate.Key}; ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;";
}

using System.Text;

namespace Gatehouse.Bench.Proxy.Peers;

/// <summary>Gatehouse's engine, from the file that a person would write.</summary>
internal static class Engine
{
    public static async Task<ProxyProcess> StartAsync(ProxySetup setup, CancellationToken cancellation)
    {
        var ports = ProxyPorts.Take();
        var file = setup.Write("gatehouse", "routes.yaml", Text(setup, ports));
        return await ProxyProcess.StartAsync($"{setup.Name}-gatehouse", setup.Folder, ports, [Program(), "proxy", "--config", file, "--control", setup.File("gatehouse", "c")], cancellation);
    }

    /// <summary>The program that is built beside this one.</summary>
    // artifacts/bin/Gatehouse.Bench/CONFIGURATION/ -> artifacts/bin/Gatehouse/CONFIGURATION/gatehouse
    public static string Program()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
        var program = Path.Combine(own.Parent!.Parent!.FullName, "Gatehouse", own.Name, "gatehouse");
        return File.Exists(program) ? program : throw new FileNotFoundException($"build src/Gatehouse first: there is no {program}");
    }

    /// <summary>The file.</summary>
    public static string Text(ProxySetup setup, ProxyPorts ports)
    {
        var text = new StringBuilder($$"""
            engine:
              threads: 1
              maxConnections: {{ProxySetup.Connections}}
              admin: 127.0.0.1:{{ports.Admin}}
            accessLog:
              format: {{(setup.Log ? "haproxy" : "none")}}
              path: {{setup.File("gatehouse", "access.log")}}
            listeners:
              - name: web
                address: 127.0.0.1:{{ports.Traffic}}
                protocol: {{setup.Spoken switch { Spoken.Http => "http", Spoken.Https => "https", _ => "tcp" }}}
                timeouts: { keepAlive: {{ProxySetup.KeepSeconds}}s, idle: {{ProxySetup.KeepSeconds}}s }

            """);
        if (setup.Spoken == Spoken.Tcp) text.Append("    to: g0\n");
        if (setup.Certificate is { } certificate)
        {
            text.Append($$"""
                    tls: { minVersion: "1.3", maxVersion: "1.3", defaultCertificate: shop }
                certificates:
                  - { name: shop, chainFile: {{certificate.Chain}}, keyFile: {{certificate.Key}} }

                """);
        }

        text.Append("upstreams:\n");
        for (var group = 0; group < setup.Backends.Count; group++)
        {
            text.Append($$"""
                  - name: g{{group}}
                    timeouts: { keepAlive: {{ProxySetup.KeepSeconds}}s }
                    endpoints: ["127.0.0.1:{{setup.Backends[group]}}"]

                """);
        }

        if (setup.Spoken != Spoken.Tcp) VirtualHosts(text, setup.Hosts);
        return text.ToString();
    }

    private static void VirtualHosts(StringBuilder text, int hosts)
    {
        text.Append("virtualHosts:\n");
        for (var host = 0; host < hosts; host++)
        {
            text.Append($"  - hosts: [{ProxySetup.Host(host)}]\n    routes:\n");
            for (var group = 0; group < ProxySetup.Groups; group++) text.Append($"      - {{ path: {ProxySetup.Prefix(group)}, to: g{group} }}\n");
        }
    }
}

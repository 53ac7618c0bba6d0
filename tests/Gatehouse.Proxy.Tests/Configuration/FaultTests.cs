namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>What a person is told who writes something wrong: place, path, value and what would be right.</summary>
public sealed class FaultTests
{
    private const string App = "upstreams: [{ name: app, endpoints: 10.0.0.1:80 }]\n";

    /// <summary>Files that are no YAML, or none of ours: one fault, because after it nothing is certain.</summary>
    public static TheoryData<string, string> Syntax => new()
    {
        { "", "routes.yaml:1:1: the file holds nothing" },
        { "# nothing\n", "routes.yaml:1:1: the file holds nothing" },
        { "listeners: []\n---\nlisteners: []\n", "routes.yaml:2:1: a second document begins here: a configuration is one" },
        { "listeners:\n\t- name: a\n", "routes.yaml:2:1: is no YAML: the line begins with a tab; write spaces" },
        { "listeners:\n  - name: a\n    address: [::]:80\n", "routes.yaml:3:14: to YAML a list begins here; an address in brackets must be in quotes: \"[::]:80\"" },
        { "virtualHosts:\n  - hosts: *\n", "routes.yaml:2:12: to YAML an alias begins here; a name with an asterisk must be in quotes: \"*\"" },
        { "engine: !!map { threads: 1 }\n", "routes.yaml:1:9: tag:yaml.org,2002:map: tags have no meaning here: leave it away" },
        { "listeners: &a [*a]\n", "routes.yaml:1:16: *a: stands for something that it is in itself" },
    };

    [Theory]
    [MemberData(nameof(Syntax))]
    public void A_file_that_can_not_be_read_on_gets_one_fault(string text, string fault) => Assert.Equal([fault], Read.Faults(text));

    public static TheoryData<string, string> Forms => new()
    {
        { "[]", "routes.yaml:1:1: a list stands here; right would be a mapping with engine, accessLog, listeners, virtualHosts, upstreams or certificates" },
        { "engine:", "routes.yaml:1:8: engine: has no value: leave the key away, or write {}" },
        { "listeners:", "routes.yaml:1:11: listeners: has no value: leave the key away, or write []" },
        { "listeners: { name: a }", "routes.yaml:1:12: listeners: a mapping stands here; right would be a list" },
        { "engine: { threads: 1, threads: 2 }", "routes.yaml:1:23: engine.threads: stands here twice" },
        { "engine: { thread: 1 }", "routes.yaml:1:11: engine.thread: is not known; did you mean 'threads'?" },
        { "engine: { zzz: 1 }", "routes.yaml:1:11: engine.zzz: is not known; there are threads, maxConnections, drainTimeout, user, admin" },
        { "engine: { <<: { threads: 1 } }", "routes.yaml:1:11: engine.<<: merging with << is no part of YAML 1.2: write the keys, or put the whole under an anchor" },
        { "engine: { [a]: 1 }", "routes.yaml:1:11: engine: a list stands where a key should" },
        { "engine: { threads: 010 }", "routes.yaml:1:20: engine.threads: '010' is a number in base 8 to some readers and in base 10 to others: write it without the 0 in front" },
        { "engine: { threads: 0x10 }", "routes.yaml:1:20: engine.threads: '0x10' is not in base 10: write it in digits" },
        { "engine: { threads: 1_000 }", "routes.yaml:1:20: engine.threads: '1_000' is a number to some readers and text to others: write '1000'" },
        { "engine: { maxConnections: 1:30 }", "routes.yaml:1:27: engine.maxConnections: '1:30' is a number in base 60 to some readers: write it in digits, or with a unit" },
        { "engine: { threads: '4' }", "routes.yaml:1:20: engine.threads: '4' is text: write it without quotes; right would be a number: 0 to 1,024" },
        { "engine: { threads: four }", "routes.yaml:1:20: engine.threads: 'four' is not valid: a number: 0 to 1,024" },
        { "engine: { threads: 99999999999 }", "routes.yaml:1:20: engine.threads: '99999999999' is not valid: a number: 0 to 1,024" },
        { "engine: { threads: 1025 }", "routes.yaml:1:20: engine.threads: '1025' is not valid: a number: 0 to 1,024" },
        { "engine: { threads: [1] }", "routes.yaml:1:20: engine.threads: a list stands here; right would be a number: 0 to 1,024" },
        { "engine: { drainTimeout: 10 }", "routes.yaml:1:25: engine.drainTimeout: '10' has no unit: 10s, 10ms, 10m or 10h" },
        { "engine: { drainTimeout: 1:30 }", "routes.yaml:1:25: engine.drainTimeout: '1:30' is not valid: a time such as 500ms, 10s, 5m or 1h, of at most 168h; 0: never" },
        { "engine: { drainTimeout: -1s }", "routes.yaml:1:25: engine.drainTimeout: '-1s' is not valid: a time such as 500ms, 10s, 5m or 1h, of at most 168h; 0: never" },
        { "engine: { drainTimeout: 169h }", "routes.yaml:1:25: engine.drainTimeout: '169h' is not valid: a time such as 500ms, 10s, 5m or 1h, of at most 168h; 0: never" },
        { "engine: { drainTimeout: 0.5ms }", "routes.yaml:1:25: engine.drainTimeout: '0.5ms' is not valid: whole milliseconds" },
        { "engine: { user: no }", "routes.yaml:1:17: engine.user: 'no' without quotes is a truth value to some readers; if text is meant, write \"no\"" },
        { "engine: { user: 0x1F }", "routes.yaml:1:17: engine.user: '0x1F' without quotes is a number; if text is meant, write \"0x1F\"" },
        { "engine: { user: 2026-11-20 }", "routes.yaml:1:17: engine.user: '2026-11-20' without quotes is a date to some readers; if text is meant, write \"2026-11-20\"" },
        { "engine: { user: ~ }", "routes.yaml:1:17: engine.user: '~' without quotes is nothing (null); if text is meant, write \"~\"" },
        { "engine: { user: *root }", "routes.yaml:1:17: engine.user: *root is an alias, and no &root stands before it; if text is meant, write it in quotes" },
        { "engine: { user: \"a\\u0007b\" }", "routes.yaml:1:17: engine.user: 'a\\u0007b' is not valid: the name of a user" },
        { "engine: { user: Root }", "routes.yaml:1:17: engine.user: 'Root' is not valid: the name of a user" },
        { "accessLog: { format: haproxi }", "routes.yaml:1:22: accessLog.format: 'haproxi' is not valid: none, haproxy or json; did you mean 'haproxy'?" },
        { "accessLog: { path: \"udp://10.0.0.1\" }", "routes.yaml:1:20: accessLog.path: 'udp://10.0.0.1' is not valid: a file, -, or udp://HOST:PORT" },
        { "accessLog: { path: \"tcp://10.0.0.1:514\" }", "routes.yaml:1:20: accessLog.path: 'tcp://10.0.0.1:514' is not valid: a file, -, or udp://HOST:PORT" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_wrong_form_is_told(string text, string fault) => Assert.Equal([fault], Read.Faults(text + "\n"));

    public static TheoryData<string, string> Listeners => new()
    {
        { "{ address: 127.0.0.1:80 }", "routes.yaml:2:13: listeners[0].name: is required: a name: 1 to 63 of letters, digits, '.', '_' and '-'" },
        { "{ name: a b, address: 127.0.0.1:80 }", "routes.yaml:2:21: listeners[0].name: 'a b' is not valid: a name: 1 to 63 of letters, digits, '.', '_' and '-'" },
        { "{ name: a }", "routes.yaml:2:13: listeners[0].address: is required: an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"" },
        { "{ name: a, address: 10.0.0.1 }", "routes.yaml:2:33: listeners[0].address: '10.0.0.1' has no port: for example \"10.0.0.1:80\"" },
        { "{ name: a, address: \"2001:db8::1\" }", "routes.yaml:2:33: listeners[0].address: '2001:db8::1': which part is the port can't be told; with port 80 write \"[2001:db8::1]:80\"" },
        { "{ name: a, address: \"2001:db8:0:0:0:0:0:1:80\" }", "routes.yaml:2:33: listeners[0].address: '2001:db8:0:0:0:0:0:1:80': the address must be in brackets: \"[2001:db8:0:0:0:0:0:1]:80\"" },
        { "{ name: a, address: 10.1:80 }", "routes.yaml:2:33: listeners[0].address: '10.1:80' is not valid: an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"" },
        { "{ name: a, address: 010.0.0.1:80 }", "routes.yaml:2:33: listeners[0].address: '010.0.0.1:80' is not valid: an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"" },
        { "{ name: a, address: 10.0.0.1:65536 }", "routes.yaml:2:33: listeners[0].address: '10.0.0.1:65536' is not valid: a port is a number from 1 to 65535" },
        { "{ name: a, address: 10.0.0.1:080 }", "routes.yaml:2:33: listeners[0].address: '10.0.0.1:080' is not valid: a port is a number from 1 to 65535" },
        { "{ name: a, address: 127.0.0.1:80, protocol: https }", "routes.yaml:2:13: listeners[0].tls: is required with protocol https: at least a certificate" },
        { "{ name: a, address: 127.0.0.1:80, tls: {} }", "routes.yaml:2:52: listeners[0].tls: is for protocols https and tls, and this is http" },
        { "{ name: a, address: 127.0.0.1:80, serverNames: { a: app } }", "routes.yaml:2:60: listeners[0].serverNames: is for protocols tls and tlsPassthrough, and this is http: write virtualHosts" },
        { "{ name: a, address: 127.0.0.1:80, protocol: tcp, to: app, trustedProxies: 10.0.0.0/8 }", "routes.yaml:2:87: listeners[0].trustedProxies: is for protocols http and https, and this is tcp" },
        { "{ name: a, address: 127.0.0.1:80, protocol: udp, to: app, proxyProtocolFrom: 10.0.0.0/8 }", "routes.yaml:2:90: listeners[0].proxyProtocolFrom: is for what comes over TCP, and this is udp" },
        { "{ name: a, address: 127.0.0.1:80, trustedProxies: 10.1.2.3/8 }", "routes.yaml:2:63: listeners[0].trustedProxies[0]: '10.1.2.3/8' is not valid: bits are set after the first 8; the range with this address in it is 10.0.0.0/8" },
        { "{ name: a, address: 127.0.0.1:80, trustedProxies: [\"fd00::1/64\"] }", "routes.yaml:2:64: listeners[0].trustedProxies[0]: 'fd00::1/64' is not valid: bits are set after the first 64; the range with this address in it is fd00::/64" },
        { "{ name: a, address: 127.0.0.1:80, trustedProxies: 10.0.0.0/33 }", "routes.yaml:2:63: listeners[0].trustedProxies[0]: '10.0.0.0/33' is not valid: the length after the slash is a number from 0 to 32" },
        { "{ name: a, address: 127.0.0.1:80, trustedProxies: 10.0.0.0/08 }", "routes.yaml:2:63: listeners[0].trustedProxies[0]: '10.0.0.0/08' is not valid: the length after the slash is a number from 0 to 32" },
        { "{ name: a, address: 127.0.0.1:80, forwarded: [xForwarded, forward] }", "routes.yaml:2:71: listeners[0].forwarded[1]: 'forward' is not valid: xForwarded or forwarded; did you mean 'forwarded'?" },
        { "{ name: a, address: 127.0.0.1:80, limits: { headBytes: 61441 } }", "routes.yaml:2:68: listeners[0].limits.headBytes: '61441' is not valid: bytes: 256 to 61,440, also as 16KB or 1MB" },
        { "{ name: a, address: 127.0.0.1:80, limits: { headBytes: 16k } }", "routes.yaml:2:68: listeners[0].limits.headBytes: '16k' is not valid: bytes: 256 to 61,440, also as 16KB or 1MB" },
        { "{ name: a, address: 127.0.0.1:80, limits: { headBytes: 4KB } }", "routes.yaml:2:55: listeners[0].limits.requestLineBytes: 8,192 is more than headBytes (4,096), of which it is a part" },
        { "{ name: a, address: 127.0.0.1:80, to: ap }", "routes.yaml:2:51: listeners[0].to: there is no upstream 'ap'; did you mean 'app'?" },
        { "{ name: a, address: 127.0.0.1:80, to: other }", "routes.yaml:2:51: listeners[0].to: there is no upstream 'other'; there are app" },
        { "{ name: a, address: 127.0.0.1:80, protocol: https, tls: {} }", "routes.yaml:2:69: listeners[0].tls.defaultCertificate: is required, because neither certificates nor a virtual host of this listener gives one" },
        { "{ name: a, address: 127.0.0.1:80, protocol: tls, to: app, tls: {} }", "routes.yaml:2:76: listeners[0].tls.defaultCertificate: is required with protocol tls, unless certificates are listed" },
        { "{ name: a, address: 127.0.0.1:80, protocol: tls, to: app, tls: { defaultCertificate: c } }", "routes.yaml:2:98: listeners[0].tls.defaultCertificate: there is no certificate 'c': there are no certificates at all" },
        { "{ name: a, address: 127.0.0.1:80, protocol: tlsPassthrough, serverNames: [{ host: \"*\", to: app }] }", "routes.yaml:2:95: listeners[0].serverNames[0].host: '*' is not valid: an asterisk stands alone or for whole labels in front: *.example.com, **.example.com" },
    };

    [Theory]
    [MemberData(nameof(Listeners))]
    public void A_wrong_listener_is_told(string listener, string fault) => Assert.Equal([fault], Read.Faults($"{App}listeners: [{listener}]\n"));

    [Theory]
    [InlineData("proxyProtocol: v1", "gets a PROXY header, and this is udp: its packets get none")]
    [InlineData("tls: {}", "is spoken to in TLS, and this is udp: every packet is dropped")]
    public void Packets_are_put_into_nothing(string group, string warning)
    {
        var outcome = Read.Yaml($"upstreams: [{{ name: app, endpoints: 127.0.0.1:1, {group} }}]\nlisteners: [{{ name: a, address: 127.0.0.1:80, protocol: udp, to: app }}]\n");
        Assert.Empty(outcome.Faults);
        Assert.Equal([$"routes.yaml:2:66: listeners[0].to: 'app' {warning}"], outcome.Warnings.Select(w => w.ToString()));
    }

    public static TheoryData<string, string> Collisions => new()
    {
        { "127.0.0.1:80|http 127.0.0.1:80|tcp", "listeners[1].address: '127.0.0.1:80' is the address of listeners[0] 'l0' too" },
        { "0.0.0.0:80|http 127.0.0.1:80|http", "listeners[1].address: '127.0.0.1:80' and '0.0.0.0:80' of listeners[0] 'l0' can't both be bound" },
        { "[2001:db8::1]:80|http [::]:80|http", "listeners[1].address: '[::]:80' and '[2001:db8::1]:80' of listeners[0] 'l0' can't both be bound" },
        { "127.0.0.1:80|http 0.0.0.0:81|http [::1]:80|http 127.0.0.1:80|udp 127.0.0.2:80|http [::]:81|http", "" },
        { "0.0.0.0:9100|http", "engine.admin: '127.0.0.1:9100' is taken by listeners[0] 'l0'" },
        { "0.0.0.0:9100|udp", "" },
    };

    [Theory]
    [MemberData(nameof(Collisions))]
    public void Two_that_would_bind_the_same_are_told(string addresses, string fault)
    {
        var listeners = addresses.Split(' ').Select((a, i) => $"{{ name: l{i}, address: \"{a.Split('|')[0]}\", protocol: {a.Split('|')[1]}, to: app }}");

        var found = Read.Yaml($"{App}engine: {{ admin: 127.0.0.1:9100 }}\nlisteners: [{string.Join(", ", listeners)}]\n").Faults;

        Assert.Equal(fault, string.Join('\n', found.Select(f => $"{f.Path}: {f.Message}")));
    }

    public static TheoryData<string, string?> Hosts => new()
    {
        { "shop.example.com", null },
        { "*.example.com", null },
        { "**.example.com", null },
        { "*", null },
        { "localhost", null },
        { "xn--bcher-kva.example", null },
        { "192.0.2.1", null },
        { "[2001:db8::1]", null },
        { "Shop.example.com", "in small letters: shop.example.com" },
        { "*.Example.com", "in small letters: *.example.com" },
        { "bücher.example", "in ASCII: xn--bcher-kva.example" },
        { "shop.example.com.", "without the dot at the end: shop.example.com" },
        { "shop.example.com:80", "names stand without port: shop.example.com" },
        { "shop..example.com", "'' is no label: 1 to 63 letters, digits and '-', which stands neither first nor last" },
        { "-a.example.com", "'-a' is no label: 1 to 63 letters, digits and '-', which stands neither first nor last" },
        { "a_b.example.com", "'a_b' is no label: 1 to 63 letters, digits and '-', which stands neither first nor last" },
        { "a.*.example.com", "an asterisk stands alone or for whole labels in front: *.example.com, **.example.com" },
        { "a*.example.com", "an asterisk stands alone or for whole labels in front: *.example.com, **.example.com" },
        { "***.example.com", "an asterisk stands alone or for whole labels in front: *.example.com, **.example.com" },
        { "2001:db8::1", "an address is written [2001:db8::1]" },
        { "[2001:DB8:0::1]", "an address is written [2001:db8::1]" },
        { "10.0.0.256", "a host name such as shop.example.com, *.example.com (one label), **.example.com (any depth), * (any), or an address" },
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Hosts_are_names_patterns_and_addresses(string host, string? right)
    {
        var found = Read.Yaml($"{App}virtualHosts: [{{ name: v, hosts: \"{host}\", to: app }}]\n").Faults;

        Assert.Equal(right is null ? [] : [$"virtualHosts[0].hosts[0]: '{host}' is not valid: {right}"], found.Select(f => $"{f.Path}: {f.Message}"));
    }

    public static TheoryData<string, string> Routes => new()
    {
        { "{ path: /a }", "to: is required: the name of an upstream, or respond with an answer from here" },
        { "{ to: app, upstream: app }", "upstream: stands here twice" },
        { "{ to: app, respond: 200 }", "respond: stands here besides to: only one of to or respond" },
        { "{ to: app, path: /a, exact: /b }", "exact: stands here besides path: only one of path, exact or regex" },
        { "{ to: app, path: /a?b=c }", "path: '/a?b=c' is not valid: a path ends before ?; parameters are matched with query" },
        { "{ to: app, path: /a/../b }", "path: '/a/../b' is not valid: requests are compared in normal form, so that this never matches; it is '/b'" },
        { "{ to: app, path: /%41/ä }", "path: '/%41/ä' is not valid: requests are compared in normal form, so that this never matches; it is '/A/%C3%A4'" },
        { "{ to: app, path: /a/. }", "path: '/a/.' is not valid: requests are compared in normal form, so that this never matches; it is '/a/'" },
        { "{ to: app, regex: '(a' }", "regex: '(a' is not valid: no regular expression: at character 2: InsufficientClosingParentheses" },
        { "{ to: app, regex: '(?=a)' }", "regex: '(?=a)' is not valid: it would not run in time linear to the text: this is not supported in conjunction with expressions containing: 'positive lookahead (?= pattern) or positive lookbehind (?<= pattern)'." },
        { "{ to: app, methods: get }", "methods[0]: 'get' is not valid: methods are in capitals: GET" },
        { "{ to: app, methods: [GET, \"A B\"] }", "methods[1]: 'A B' is not valid: a method of at most 32 characters, such as GET" },
        { "{ to: app, methods: [GET, GET] }", "methods[1]: 'GET' stands there twice" },
        { "{ to: app, methods: CONNECT }", "methods[0]: 'CONNECT' is not valid: CONNECT is refused and never gets to a route" },
        { "{ to: app, headers: { \"a b\": c } }", "headers[0].name: 'a b' is not valid: the name of a header field, such as X-Canary" },
        { "{ to: app, headers: { a: \"b\\r\\nc\" } }", "headers[0].exact: 'b\\u000d\\u000ac' is not valid: a header's value: at most 8,192 characters, without line ends, and no space around it" },
        { "{ to: app, headers: [{ name: a, exact: b }, { name: A, present: false }] }", "headers[1]: 'A' can't be absent and have a value" },
        { "{ to: app, headers: [{ name: a, exact: b, regex: c }] }", "headers[0].regex: stands here besides exact: only one of exact, regex or present" },
        { "{ to: app, query: { a: 1 } }", "query[0]: '1' without quotes is a number; if text is meant, write \"1\"" },
        { "{ to: app, priority: 1000001 }", "priority: '1000001' is not valid: a number: -1,000,000 to 1,000,000" },
        { "{ to: app, bodyBytes: -1 }", "bodyBytes: '-1' is not valid: bytes: 0 to 1,125,899,906,842,624, also as 16KB or 1MB" },
        { "{ to: app, upgrade: yes }", "upgrade: 'yes' is not valid: true or false" },
        { "{ respond: 199 }", "respond.status: '199' is not valid: a number: 200 to 599" },
        { "{ respond: { body: a } }", "respond.status: is required: a number: 200 to 599" },
        { "{ respond: 301 }", "respond.location: is required with status 301" },
        { "{ respond: { status: 200, location: /a } }", "respond.location: is for a status from 300 to 399, and this is 200" },
        { "{ respond: { status: 302, location: \"/a b\" } }", "respond.location: '/a b' is not valid: a URL of at most 8,192 characters, without spaces" },
        { "{ respond: { status: 204, body: a } }", "respond.body: an answer with status 204 has no body (RFC 9110 §15)" },
        { "{ respond: { status: 200, contentType: \"a\\nb\" } }", "respond.contentType: 'a\\u000ab' is not valid: a header's value: at most 8,192 characters, without line ends, and no space around it" },
    };

    [Theory]
    [MemberData(nameof(Routes))]
    public void A_wrong_route_is_told(string route, string fault)
    {
        var found = Read.Yaml($"{App}virtualHosts: [{{ name: v, hosts: a, routes: [{route}] }}]\n").Faults;

        Assert.Equal([$"virtualHosts[0].routes[0].{fault}"], found.Select(f => $"{f.Path}: {f.Message}"));
        Assert.All(found, f => Assert.Equal(2, f.Line));
    }

    public static TheoryData<string, string> Others => new()
    {
        { "virtualHosts: [{ hosts: \"*\", to: app }]", "virtualHosts[0].name: is required, unless the first of its hosts is an exact name that can serve as one" },
        { "virtualHosts: [{ hosts: a, to: app }, { hosts: [b, c], name: a, to: app }]", "virtualHosts[1].name: 'a' is the name of number 1 too: names are unique" },
        { "virtualHosts: [{ name: a, hosts: [], to: app }]", "virtualHosts[0].hosts: is required: at least one host name, or * for any" },
        { "virtualHosts: [{ hosts: [a, b, a], to: app }]", "virtualHosts[0].hosts[2]: 'a' stands there twice" },
        { "virtualHosts: [{ name: a, hosts: *.example.com, to: app }]", "virtualHosts[0].hosts[0]: to YAML an alias begins here; a name with an asterisk must be in quotes: \"*.example.com\"" },
        { "virtualHosts: [{ hosts: a, to: app, routes: [] }]", "virtualHosts[0].routes: stands here besides to: only one of routes, to or respond" },
        { "virtualHosts: [{ hosts: a, to: ap }]", "virtualHosts[0].routes[0].to: there is no upstream 'ap'; did you mean 'app'?" },
        { "virtualHosts: [{ hosts: a, to: app, listeners: web }]", "virtualHosts[0].listeners[0]: there is no listener 'web': there are no listeners at all" },
        { "listeners: [{ name: db, address: 127.0.0.1:80, protocol: tcp, to: app }]\nvirtualHosts: [{ hosts: a, to: app, listeners: db }]", "virtualHosts[0].listeners[0]: 'db' speaks tcp: virtual hosts are for http and https" },
        { "virtualHosts: [{ hosts: a, routes: [{ name: x, to: app }, { path: /b, name: x, to: app }] }]", "virtualHosts[0].routes[1].name: 'x' is the name of number 1 too: names are unique" },
        { "virtualHosts: [{ hosts: a, routes: [{ path: /b, methods: [GET, PUT], to: app }, { to: app }, { methods: [PUT, GET], path: /b, priority: 5, respond: 200 }] }]", "virtualHosts[0].routes[2]: 'route-3' matches the same as routes[0] 'route-1': one of them would never get a request" },
        { "virtualHosts: [{ hosts: a, routes: [{ headers: { A: b }, to: app }, { headers: { a: b }, to: app }] }]", "virtualHosts[0].routes[1]: 'route-2' matches the same as routes[0] 'route-1': one of them would never get a request" },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void What_does_not_fit_together_is_told(string text, string fault) => Assert.Equal([fault], Read.Yaml($"{App}{text}\n").Faults.Select(f => $"{f.Path}: {f.Message}"));

    [Fact]
    public void A_group_with_faults_tells_all_of_them() => Assert.Equal(
        [
            "upstreams[0].balance: 'random' is not valid: roundRobin",
            "upstreams[0].endpoints[0].address: '10.0.0.1:0' is not valid: a port is a number from 1 to 65535",
            "upstreams[0].endpoints[1].address: 'db.example.com:5432' is a name: only addresses can stand here, because names are not resolved; write an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"",
            "upstreams[0].endpoints[2].weight: '257' is not valid: a number: 0 to 256",
            "upstreams[0].endpoints[3].name: '10.0.0.3:1' is the name of number 3 too: names are unique",
            "upstreams[0].tls.serverName: '*.example.com' is not valid: an exact name",
            "upstreams[0].tls.certificate: there is no certificate 'c': there are no certificates at all",
            "upstreams[0].tls.minVersion: '1.1' is not valid: 1.2 or 1.3; did you mean '1.2'?",
            "upstreams[0].maxIdleConnections: '65537' is not valid: a number: 0 to 65,536",
        ],
        Read.Yaml("""
            upstreams:
              - name: db
                balance: random
                endpoints:
                  - 10.0.0.1:0
                  - db.example.com:5432
                  - { address: 10.0.0.3:1, weight: 257 }
                  - 10.0.0.3:1
                tls:
                  serverName: "*.example.com"
                  certificate: c
                  minVersion: 1.1
                maxIdleConnections: 65537
            """).Faults.Select(f => $"{f.Path}: {f.Message}"));

    [Fact]
    public void What_follows_from_a_fault_is_no_fault_of_its_own()
    {
        // Neither has the one without a readable path the path of the other, nor is the listener's address taken.
        Assert.Equal(["listeners[0].address", "listeners[1].address", "virtualHosts[0].routes[0].path"], Read.Yaml($$"""
            {{App}}
            listeners: [{ name: a, address: x }, { name: b, address: y }]
            virtualHosts: [{ hosts: a, routes: [{ path: [], to: app }, { to: app }] }]
            """).Faults.Select(f => f.Path));
    }

    [Fact]
    public void Warnings_are_no_faults()
    {
        var outcome = Read.Yaml("listeners: [{ name: a, address: 127.0.0.1:0, protocol: tcp }]\nupstreams: [{ name: u, endpoints: [{ address: 10.0.0.1:80, weight: 0 }] }]\n");

        Assert.NotNull(outcome.Config);
        Assert.Equal(
            [
                "routes.yaml:1:13: listeners[0].to: is missing: every connection is closed",
                "routes.yaml:1:33: listeners[0].address: port 0 is a free port, another one at each start",
                "routes.yaml:2:35: upstreams[0].endpoints: all have weight 0: none gets anything",
            ],
            outcome.Warnings.Select(w => w.ToString()));
    }
}

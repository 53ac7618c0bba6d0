using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Cluster;
using Gatehouse.Root;
using Gatehouse.Store.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Bench.Scale;

/// <summary>A process of the comparison: root, or one of the cluster managers. Writes its address and authority into the shared directory and ends when its input does.</summary>
internal sealed class ScalePart : IAsyncDisposable
{
    public const string Word = "scale-part";
    public const string Root = "root";
    private readonly Process _process;

    private ScalePart(Process process) => _process = process;

    public static UserInfo Operator { get; } = new("operator", [UserInfo.MastersGroup]);

    /// <summary>Resident memory now.</summary>
    public double ResidentMegabytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1_024;
        }
    }

    /// <summary>The name of a cluster manager.</summary>
    public static string NameOf(int cluster) => $"c{cluster}";

    public static UserInfo Cluster(int number) => new($"{UserInfo.ClusterPrefix}{NameOf(number)}", [UserInfo.ClustersGroup]);

    public static UserInfo Worker(int number) => new($"{UserInfo.WorkerPrefix}w{number}", [UserInfo.WorkersGroup]);

    public static string Token(UserInfo user) => $"scale-token-of-{user.Name}";

    /// <summary>Starts this program again as a part, and waits until it serves.</summary>
    public static async Task<ScalePart> StartAsync(string directory, string part)
    {
        var program = Environment.ProcessPath!;
        List<string> arguments = [Word, part, directory];
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") arguments.Insert(0, Environment.GetCommandLineArgs()[0]);
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        if (await process.StandardOutput.ReadLineAsync() != "ready") throw new InvalidOperationException($"the part '{part}' did not start");
        return new ScalePart(process);
    }

    /// <summary>What a part does.</summary>
    public static async Task<int> MainAsync(string part, string directory)
    {
        await using var servers = new Servers(directory);
        if (part == Root) await servers.StartRootAsync();
        else await servers.StartClusterAsync(int.Parse(part.AsSpan(1), CultureInfo.InvariantCulture));
        Console.WriteLine("ready");
        await Console.In.ReadToEndAsync();
        return 0;
    }

    /// <summary>A client of a part's server.</summary>
    public static HttpObjectClient Client(string directory, string part, UserInfo user) => new(new HttpObjectClientOptions
    {
        Server = Address(directory, part),
        Credentials = new FixedCredentials(new ApiCredentials { Trust = new X509Certificate2Collection(Authority(directory, part)), BearerToken = Token(user) }),
        RequestTimeout = TimeSpan.FromSeconds(60),
    });

    public static Uri Address(string directory, string server) => new(File.ReadAllText(Path.Combine(directory, $"{server}.url")));

    public static X509Certificate2 Authority(string directory, string part) => X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(directory, $"{part}.pem")));

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private sealed class Servers(string directory) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly List<Task> _loops = [];
        private readonly List<IAsyncDisposable> _parts = [];

        public async Task StartRootAsync()
        {
            var authority = MakeAuthority(Root);
            var tokens = new BearerTokens();
            tokens.Add(Token(Operator), Operator, null);
            for (var i = 0; i < ScaleComparison.Clusters; i++) tokens.Add(Token(Cluster(i)), Cluster(i), null);
            var role = new RootRole(new RootOptions(), TimeProvider.System, NullLoggerFactory.Instance);
            var server = await ServeAsync("root", authority, tokens, role.Admissions, role.Authorizer, role.LoadAsync);
            _loops.Add(role.RunAsync(_stop.Token));
            _parts.Add(server);
        }

        public async Task StartClusterAsync(int cluster)
        {
            var name = NameOf(cluster);
            var tokens = new BearerTokens();
            tokens.Add(Token(Operator), Operator, null);
            for (var w = cluster; w < ScaleComparison.Workers; w += ScaleComparison.Clusters) tokens.Add(Token(Worker(w)), Worker(w), null);
            var options = new ClusterOptions { Name = name, MirrorDirectory = Path.Combine(directory, $"mirror-{name}") };
            var role = new ClusterRole(options, Client(directory, Root, Cluster(cluster)), TimeProvider.System, NullLoggerFactory.Instance);
            var server = await ServeAsync(name, MakeAuthority(name), tokens, role.Admissions, role.Authorizer, role.LoadAsync);
            _loops.Add(role.RunAsync(_stop.Token));
            _parts.Add(server);
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_loops);
            foreach (var part in _parts) await part.DisposeAsync();
            _stop.Dispose();
        }

        private CertificateAuthority MakeAuthority(string part)
        {
            var authority = CertificateAuthority.CreateRoot($"scale {part}", TimeProvider.System);
            File.WriteAllText(Path.Combine(directory, $"{part}.pem"), authority.RootPem);
            return authority;
        }

        private async Task<ApiServer> ServeAsync(
            string name, CertificateAuthority authority, BearerTokens tokens, IReadOnlyList<IAdmission> admissions, IAuthorizer authorizer, Func<IObjectClient, CancellationToken, Task> load)
        {
            var store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = Path.Combine(directory, $"{name}.db") }, TimeProvider.System);
            var server = await ApiServer.CreateAsync(
                new ApiServerOptions
                {
                    Store = store, Authority = authority, Tokens = tokens, Admissions = admissions, Authorizer = authorizer, Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
                },
                default);
            await load(server.Local, default);
            await server.ListenAsync(default);
            File.WriteAllText(Path.Combine(directory, $"{name}.url"), $"https://127.0.0.1:{server.Endpoints[0].Port}");
            return server;
        }
    }
}

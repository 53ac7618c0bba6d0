using System.CommandLine;
using Gatehouse.Api.Client;

namespace Gatehouse.Access;

/// <summary>How a command reaches the API server: <c>--kubeconfig</c>, else the variable <c>GATEHOUSE_KUBECONFIG</c>, else the state of a root or cluster on this host.</summary>
internal sealed class ApiAccess(HostContext host)
{
    /// <summary>Names the file when the option does not.</summary>
    public const string Variable = "GATEHOUSE_KUBECONFIG";

    private static readonly string[] Usual = ["/var/lib/gatehouse/root/admin.kubeconfig", "/var/lib/gatehouse/cluster/admin.kubeconfig"];

    public Option<string?> Option { get; } = new("--kubeconfig")
    {
        Description = $"File with server and credentials. Default: ${Variable}, else the admin.kubeconfig of the root or cluster on this host.",
        HelpName = "FILE",
    };

    /// <summary>Reads the file.</summary>
    /// <exception cref="UsageException">No file, or a faulty one.</exception>
    public Kubeconfig Read(ParseResult parsed)
    {
        var path = parsed.GetValue(Option) ?? host.Variable(Variable) ?? Usual.FirstOrDefault(File.Exists)
            ?? throw new UsageException($"no server to talk to: give --kubeconfig FILE or set {Variable}");
        return Kubeconfig.Load(path);
    }

    /// <summary>A client for what <see cref="Read"/> found; nothing is sent yet.</summary>
    public HttpObjectClient Open(Kubeconfig config) =>
        new(new HttpObjectClientOptions { Server = config.Server, Credentials = new FixedCredentials(config.Credentials), Time = host.Time });

    /// <inheritdoc cref="Open(Kubeconfig)"/>
    public HttpObjectClient Open(ParseResult parsed) => Open(Read(parsed));
}

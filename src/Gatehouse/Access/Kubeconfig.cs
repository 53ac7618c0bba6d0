using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Gatehouse.Access;

/// <summary>A server and how to be let in, from a kubeconfig file (Kubernetes, "Organizing Cluster Access Using kubeconfig Files").</summary>
/// <remarks>Reads clusters, users with certificate or token, contexts and the current context; a user with another way in is a fault.</remarks>
/// <param name="Pin">What join tokens of this server carry: SHA-256 of the SubjectPublicKeyInfo of the authority that signs its members. Null when the file does not say it.</param>
internal sealed record Kubeconfig(Uri Server, ApiCredentials Credentials, string? Pin)
{
    /// <summary>Name of the cluster entry's extension that holds <see cref="Pin"/>.</summary>
    public const string PinExtension = "gatehouse.dev/join-pin";

    /// <summary>Ways in that other clients have. Left unsaid, a command would ask as nobody and be refused for a reason that misleads.</summary>
    private static readonly (string Field, string Why)[] Unsupported =
    [
        ("exec", "credential plug-ins are not run; " + Instead),
        ("auth-provider", Instead),
        ("username", Instead),
        ("password", Instead),
        ("tokenFile", "write the token itself as token"),
        ("as", "nobody is impersonated"),
    ];

    private const string Instead = "use client-certificate-data and client-key-data, or token";

    /// <summary>Reads the current context of a file.</summary>
    /// <exception cref="UsageException">Every fault of the file.</exception>
    public static Kubeconfig Load(string path)
    {
        try
        {
            return Read(path, Document(path));
        }
        catch (YamlException e)
        {
            throw new UsageException($"{path}: line {e.Start.Line}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"kubeconfig: {e.Message}");
        }
    }

    private static Kubeconfig Read(string path, YamlMappingNode root)
    {
        List<string> faults = [];
        var context = Entry(root, "contexts", Text(root, "current-context"), "context", "current-context", faults);
        var cluster = Entry(root, "clusters", Text(context, "cluster"), "cluster", "contexts[].context.cluster", faults);
        var user = Entry(root, "users", Text(context, "user"), "user", "contexts[].context.user", faults);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var server = ServerOf(cluster, faults);
        var trust = Certificates(cluster, "certificate-authority", folder, faults);
        var credentials = faults.Count > 0 ? null : CredentialsOf(user, cluster, trust, folder, faults);
        if (faults.Count > 0 || server is null || credentials is null) throw new UsageException([.. faults.Select(f => $"{path}: {f}")]);
        return new Kubeconfig(server, credentials, PinOf(cluster));
    }

    private static Uri? ServerOf(YamlMappingNode? cluster, List<string> faults)
    {
        if (cluster is null) return null;
        var text = Text(cluster, "server");
        if (Uri.TryCreate(text, UriKind.Absolute, out var server) && server.Scheme == Uri.UriSchemeHttps) return server;
        faults.Add($"clusters[].cluster.server: '{text}' is not valid: an https URL");
        return null;
    }

    private static string? PinOf(YamlMappingNode? cluster) =>
        cluster is not null && cluster.Children.TryGetValue("extensions", out var list) && list is YamlSequenceNode entries
            ? entries.Children.OfType<YamlMappingNode>().Where(e => Text(e, "name") == PinExtension).Select(e => Text(e, "extension")).FirstOrDefault()
            : null;

    private static ApiCredentials? CredentialsOf(YamlMappingNode? user, YamlMappingNode? cluster, X509Certificate2Collection trust, string folder, List<string> faults)
    {
        faults.AddRange(Unsupported.Where(u => user?.Children.ContainsKey(u.Field) == true).Select(u => $"users[].user.{u.Field}: is not supported: {u.Why}"));
        var chain = Certificates(user, "client-certificate", folder, faults);
        var key = Pem(user, "client-key", folder, faults);
        if (chain.Count > 0 && key is null) faults.Add("users[].user.client-key-data: is required beside client-certificate-data");
        if (faults.Count > 0) return null;
        try
        {
            return new ApiCredentials
            {
                Trust = trust,
                Certificate = chain.Count == 0 ? null : WithKey(chain[0], key!),
                Chain = [.. chain.Skip(1)],
                BearerToken = Text(user, "token"),
                ServerName = Text(cluster, "tls-server-name"),
            };
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            faults.Add($"users[].user.client-key-data: {e.Message}");
            return null;
        }
    }

    private static X509Certificate2 WithKey(X509Certificate2 certificate, string key)
    {
        using var paired = X509Certificate2.CreateFromPem(certificate.ExportCertificatePem(), key);

        // SslStream wants a key that it can use for the life of the process; the PKCS#12 round trip gives one.
        return X509CertificateLoader.LoadPkcs12(paired.Export(X509ContentType.Pkcs12), null);
    }

    private static X509Certificate2Collection Certificates(YamlMappingNode? node, string field, string folder, List<string> faults)
    {
        var found = new X509Certificate2Collection();
        if (Pem(node, field, folder, faults) is not { } pem) return found;
        try
        {
            found.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            faults.Add($"{field}-data: {e.Message}");
        }

        return found;
    }

    /// <summary>The field's inline base64 (<c>FIELD-data</c>), or the content of the file that it names.</summary>
    private static string? Pem(YamlMappingNode? node, string field, string folder, List<string> faults)
    {
        try
        {
            if (Text(node, field + "-data") is { } inline) return System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(inline));
            return Text(node, field) is { } file ? File.ReadAllText(Path.Combine(folder, file)) : null;
        }
        catch (FormatException)
        {
            faults.Add($"{field}-data: is not base64");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            faults.Add($"{field}: {e.Message}");
        }

        return null;
    }

    private static YamlMappingNode? Entry(YamlMappingNode root, string list, string? name, string field, string from, List<string> faults)
    {
        if (name is null)
        {
            if (faults.Count == 0) faults.Add($"{from}: is required");
            return null;
        }

        var entries = root.Children.TryGetValue(list, out var node) && node is YamlSequenceNode sequence ? sequence.Children.OfType<YamlMappingNode>() : [];
        var found = entries.FirstOrDefault(e => Text(e, "name") == name);
        if (found is not null && found.Children.TryGetValue(field, out var inner) && inner is YamlMappingNode mapping) return mapping;
        faults.Add($"{list}: no entry '{name}', which {from} names");
        return null;
    }

    private static string? Text(YamlMappingNode? node, string field) =>
        node is not null && node.Children.TryGetValue(field, out var value) && value is YamlScalarNode { Value.Length: > 0 } scalar ? scalar.Value : null;

    private static YamlMappingNode Document(string path)
    {
        using var reader = new StreamReader(path);
        var stream = new YamlStream();
        stream.Load(reader);
        return stream.Documents is [{ RootNode: YamlMappingNode root }, ..] ? root : throw new UsageException($"{path}: is no kubeconfig: it holds no mapping");
    }
}

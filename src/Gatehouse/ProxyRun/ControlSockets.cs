using System.Security.Cryptography;
using System.Text;
using Gatehouse.Proxy.Supervision;

namespace Gatehouse.ProxyRun;

/// <summary>Where proxies answer: for each configuration file a socket of its own, so that several live side by side and commands find them.</summary>
internal static class ControlSockets
{
    /// <summary>The socket of the proxy with a configuration file.</summary>
    public static string For(string configFile, HostContext host)
    {
        var full = Path.GetFullPath(configFile);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(full)))[..8];
        return Path.Combine(Folder(host), $"proxy-{Path.GetFileNameWithoutExtension(full)}-{hash}.sock");
    }

    /// <summary>The socket that was named, or the only one that there is.</summary>
    /// <exception cref="UsageException">There is none, or there are several.</exception>
    public static string Find(string? named, HostContext host)
    {
        if (named is not null) return named;
        var folder = Folder(host);
        var found = Directory.Exists(folder) ? Directory.GetFiles(folder, "proxy-*.sock").Where(Answers).ToArray() : [];
        return found.Length switch
        {
            1 => found[0],
            0 => throw new UsageException($"--control: no proxy of this user answers in {folder}; name its socket"),
            _ => throw new UsageException($"--control: several proxies answer in {folder}; name one of: {string.Join(", ", found.Order(StringComparer.Ordinal))}"),
        };
    }

    /// <summary>A proxy that was killed leaves its socket's file behind. One that refuses this user says so when it is asked.</summary>
    private static bool Answers(string path)
    {
        try
        {
            using var client = ControlClient.Connect(path);
            return client is not null;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string Folder(HostContext host) =>
        Environment.IsPrivilegedProcess ? "/run/gatehouse"
        : host.Variable("XDG_RUNTIME_DIR") is { Length: > 0 } own ? Path.Combine(own, "gatehouse")
        : Path.Combine(Path.GetTempPath(), $"gatehouse-{Environment.UserName}");
}

namespace Gatehouse.Linux;

/// <summary>Kernel settings under /proc/sys; those of <c>net</c> belong to a network namespace.</summary>
public static class Sysctl
{
    /// <summary>The setting's text without its line end, or null if this kernel has no such setting.</summary>
    /// <param name="name">
    /// As sysctl(8) takes it: <c>net.ipv4.ip_forward</c>, or <c>net/ipv4/conf/eth0.100/rp_filter</c> where a part has a dot.
    /// </param>
    /// <param name="ns">Whose; null is the caller's namespace.</param>
    public static string? Get(string name, NetworkNamespace? ns = null)
    {
        var path = PathOf(name);
        return ns is null ? Read(name, path) : ns.Run(() => Read(name, path));
    }

    /// <summary>Changes the setting.</summary>
    /// <exception cref="LinuxException">No such setting, no right, or a value that the kernel refuses.</exception>
    public static void Set(string name, string value, NetworkNamespace? ns = null)
    {
        var path = PathOf(name);
        if (ns is null)
        {
            Write(name, path, value);
        }
        else
        {
            ns.Run(() => Write(name, path, value));
        }
    }

    private static string PathOf(string name)
    {
        var path = name.Contains('/', StringComparison.Ordinal) ? name : name.Replace('.', '/');
        return path.Length > 0 && !path.Split('/').Any(static part => part is "" or "." or "..")
            ? "/proc/sys/" + path
            : throw new ArgumentException($"'{name}' is no setting's name; write it as net.ipv4.ip_forward or net/ipv4/ip_forward", nameof(name));
    }

    private static string? Read(string name, string path)
    {
        try
        {
            return File.ReadAllText(path).TrimEnd('\n');
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LinuxException("reading " + name + ": " + fault.Message, fault);
        }
    }

    private static void Write(string name, string path, string value)
    {
        try
        {
            // Neither truncated nor created: these are no ordinary files.
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            file.Write(System.Text.Encoding.UTF8.GetBytes(value + "\n"));
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LinuxException($"setting {name} to {value}: this kernel, or this namespace, has no such setting", absent);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new LinuxException($"setting {name} to {value}: {fault.Message}", fault);
        }
    }
}

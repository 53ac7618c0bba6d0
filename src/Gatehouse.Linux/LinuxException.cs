using System.Runtime.InteropServices;

namespace Gatehouse.Linux;

/// <summary>The kernel refused something: says what was done to what, and why it failed.</summary>
public class LinuxException : IOException
{
    /// <param name="act">What was tried and on what: <c>adding 10.18.0.1/26 to gh0</c>.</param>
    /// <param name="errno">The error number; positive.</param>
    /// <param name="detail">The kernel's own words, where it gave some.</param>
    public LinuxException(string act, int errno, string? detail = null)
        : base(Describe(act, errno, detail))
    {
        Act = act;
        Errno = (Errno)errno;
        Detail = detail;
    }

    public LinuxException(string act, Errno errno, string? detail = null)
        : this(act, (int)errno, detail)
    {
    }

    public LinuxException()
        : this("a system call", 0)
    {
    }

    public LinuxException(string message)
        : base(message) => Act = message;

    public LinuxException(string message, Exception innerException)
        : base(message, innerException) => Act = message;

    /// <summary>What was tried and on what.</summary>
    public string Act { get; }

    /// <summary>The error number, or <see cref="Errno.None"/> where the fault has none.</summary>
    public Errno Errno { get; }

    /// <summary>The kernel's own words (netlink's extended acknowledgement), or null.</summary>
    public string? Detail { get; }

    /// <summary>The object is there already.</summary>
    public bool AlreadyExists => Errno == Errno.EEXIST;

    /// <summary>The object, or one that it needs, is not there.</summary>
    public bool IsMissing => Errno is Errno.ENOENT or Errno.ESRCH or Errno.ENODEV or Errno.EADDRNOTAVAIL;

    internal static string Describe(string act, int errno, string? detail)
    {
        var name = Enum.IsDefined((Errno)errno) ? ((Errno)errno).ToString() : "errno " + errno;
        var words = Marshal.GetPInvokeErrorMessage(errno);
        return detail is { Length: > 0 } ? $"{act}: {name} ({words}): {detail}" : $"{act}: {name} ({words})";
    }
}

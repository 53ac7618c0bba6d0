using System.CommandLine;
using Gatehouse.Lab;

namespace Gatehouse.Commands;

/// <summary>Which lab a command means, and where it is.</summary>
internal sealed class LabPlace(HostContext host)
{
    public Option<string> Name { get; } = new("--name") { Description = "Name of the lab; several live side by side. Default lab.", HelpName = "NAME", DefaultValueFactory = _ => "lab" };

    public HostLab Open(ParseResult parsed) => new(Directory(parsed.GetRequiredValue(Name)), host.Time);

    /// <summary>Root's labs are under /var/lib, a plain user's in their own state directory (XDG Base Directory).</summary>
    public string Directory(string name) => Path.Combine(IsRoot ? "/var/lib" : StateHome, HostLab.FolderName, name);

    public static bool IsRoot => Environment.IsPrivilegedProcess;

    private string StateHome => host.Variable("XDG_STATE_HOME") is { Length: > 0 } given ? given : Path.Combine(host.Variable("HOME") ?? "/tmp", ".local", "state");
}

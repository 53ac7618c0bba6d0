using System.Globalization;
using Gatehouse.Linux;
using Gatehouse.Linux.Processes;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Instances;

/// <summary>
/// Runs the programs of instances: each in a network namespace of its own, attached before the program starts, detached from the agent, so that it outlives a crash of
/// it and is found again by pid and start time.
/// </summary>
internal sealed class InstancePrograms(NodeStateFile file, NodeOptions options)
{
    private const string OwnProgram = "gatehouse";

    /// <summary>Makes the namespace, attaches it, starts the program.</summary>
    /// <exception cref="AttachRefusedException">The command can't be run here, or there is no address.</exception>
    /// <exception cref="LinuxException">The kernel refuses something; nothing of it stays.</exception>
    public async Task StartAsync(FabricInstance wanted, InstanceHost host, CancellationToken cancellation)
    {
        var command = CommandOf(wanted);
        var name = OwnedProcesses.NamespaceFor(file.State, wanted.Metadata.Name);
        Renew(name);
        var request = new AttachRequest(wanted.Spec.Service, wanted.Spec.Number, 0, name, wanted.Spec.PortMappings, Owned: true);
        try
        {
            var attached = await host.AttachAsync(request, wanted.Status?.Instance, cancellation);
            using var target = NetworkNamespace.Open(name);
            var process = DetachedProcess.Start(ProcessOf(command, wanted, attached, target));
            await host.SetAsync(attached.Name, i => i with { Pid = process.Identity.Pid, StartTime = process.Identity.StartTime });
        }
        catch
        {
            await host.DetachAsync(request.Name);
            OwnedProcesses.EndAll(name);
            NetworkNamespace.Delete(name);
            throw;
        }
    }

    private IReadOnlyList<string> CommandOf(FabricInstance wanted)
    {
        if (wanted.Spec.Process is not { Command: [var first, ..] command }) throw new AttachRefusedException("spec.process.command is empty");
        if (first != OwnProgram) return command;
        return options.OwnProgram is { } own ? [own, .. command.Skip(1)] : throw new AttachRefusedException("this worker does not know where its own program is");
    }

    private ProcessOptions ProcessOf(IReadOnlyList<string> command, FabricInstance wanted, AttachedInstance attached, NetworkNamespace target)
    {
        var folder = InstanceLogs.FolderOf(options);
        Directory.CreateDirectory(folder);
        var environment = new Dictionary<string, string>(new ProcessOptions(command[0]).Environment, StringComparer.Ordinal)
        {
            ["GATEHOUSE_SERVICE"] = wanted.Spec.Service,
            ["GATEHOUSE_INSTANCE"] = wanted.Spec.Number.ToString(CultureInfo.InvariantCulture),
            ["GATEHOUSE_WORKER"] = options.Name,
            ["GATEHOUSE_ADDRESS"] = attached.Namespace?.Ipv4 ?? "",
        };
        foreach (var (key, value) in options.ProcessEnvironment) environment[key] = value;
        return new(command[0])
        {
            Arguments = [.. command.Skip(1)],
            Environment = environment,
            Namespace = target,
            StandardOutput = Path.Combine(folder, $"{attached.Name}.log"),
        };
    }

    /// <summary>A new namespace. One that a crash left between its making and its note on disk is removed, with what runs in it.</summary>
    private static void Renew(string name)
    {
        if (NetworkNamespace.List().Contains(name))
        {
            OwnedProcesses.EndAll(name);
            NetworkNamespace.Delete(name);
        }

        NetworkNamespace.Create(name).Dispose();
    }
}

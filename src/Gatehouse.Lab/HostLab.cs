namespace Gatehouse.Lab;

/// <summary>
/// Several hosts on one machine: network namespaces with addresses of their own, in which every role is a real process of the same program. <c>up</c> makes one,
/// <c>down</c> removes it and leaves nothing behind, whatever crashed in between.
/// </summary>
/// <remarks>Of two <c>up</c> at the same moment one is refused. Reading is free.</remarks>
/// <param name="patience">How long a role may take until it is ready. Default 90 s.</param>
public sealed class HostLab(string directory, TimeProvider time, TimeSpan? patience = null)
{
    /// <summary>The folder in which labs have theirs.</summary>
    public const string FolderName = "gatehouse-labs";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly TimeSpan _patience = patience ?? TimeSpan.FromSeconds(90);
    private readonly LabStateFile _file = new(directory);
    private readonly Lock _gate = new();
    private readonly LabProcesses _processes = new(new LabPaths(directory), time);
    private LabState? _state;

    public LabPaths Paths { get; } = new(directory);

    /// <summary>The lab as written down; null when there is none.</summary>
    /// <exception cref="LabException">The state file is damaged.</exception>
    public LabState? Read() => _file.Read();

    /// <summary>The lab as written down.</summary>
    /// <exception cref="LabException">There is none, or the state file is damaged.</exception>
    public LabState Require() => Read() ?? throw new LabException($"there is no lab in {directory}: `gatehouse lab up` makes one");

    /// <summary>The hosts of a lab that was written down.</summary>
    public static LabTopology TopologyOf(LabState state) =>
        LabTopology.Create(new LabOptions { Name = state.Name, Workers = state.WorkersPerCluster, Clusters = state.Clusters, Underlay = state.Underlay, Directory = "/", Program = [] });

    /// <summary>Makes the hosts and starts their roles. When it fails, what is there stays for a look until <see cref="DownAsync"/>.</summary>
    /// <param name="progress">Called with each step, from any thread.</param>
    /// <exception cref="LabException">It says which step failed and why.</exception>
    public async Task UpAsync(LabOptions options, bool rootless, Action<string> progress, CancellationToken cancellation)
    {
        var topology = LabTopology.Create(options);
        Directory.CreateDirectory(directory, Private);
        _state = new LabState
        {
            Name = options.Name,
            WorkersPerCluster = options.Workers,
            Clusters = options.Clusters,
            Underlay = options.Underlay,
            Rootless = rootless,
        };
        if (!_file.TryCreate(_state)) throw new LabException($"the lab '{options.Name}' is there already ({directory}): `gatehouse lab down --name {options.Name}` removes it");
        MakeDirectories(topology, options);
        await LabNamespaces.CreateAsync(directory, rootless, cancellation);
        progress($"hosts: {string.Join(", ", topology.Hosts.Select(h => h.Name))}");
        foreach (var host in topology.Hosts)
        {
            var init = await LabNamespaces.CreateHostAsync(directory, _state, host.Name, cancellation);
            Change(s => s with { Inits = new Dictionary<string, int>(s.Inits, StringComparer.Ordinal) { [host.Name] = init } });
        }

        await LabNetwork.WireAsync(directory, _state, topology, cancellation);
        foreach (var kind in (LabHostKind[])[LabHostKind.Root, LabHostKind.Cluster, LabHostKind.Worker])
        {
            await Task.WhenAll(topology.Hosts.Where(h => h.Kind == kind).Select(h => StartHostAsync(options, topology, h, progress, cancellation)));
        }
    }

    /// <summary>Starts the roles of a host that do not run, as they were started first.</summary>
    /// <param name="role">Null for all of the host's.</param>
    /// <returns>The roles that were started.</returns>
    public async Task<IReadOnlyList<string>> StartAsync(string host, string? role, CancellationToken cancellation)
    {
        _state = Require();
        var idle = Select(host, role).Where(p => _processes.Find(p.Pid) is null).ToList();
        foreach (var process in idle) await StartProcessAsync(process, cancellation);
        return [.. idle.Select(p => p.Role)];
    }

    /// <summary>Sends a signal to the roles of a host and waits until they ended. They stay down until <see cref="StartAsync"/>.</summary>
    /// <param name="role">Null for all of the host's.</param>
    /// <param name="signal">Without <c>SIG</c>: <c>TERM</c> drains, <c>KILL</c> is a crash.</param>
    /// <returns>The roles that were stopped.</returns>
    public async Task<IReadOnlyList<string>> StopAsync(string host, string? role, string signal, CancellationToken cancellation)
    {
        _state = Require();
        var running = Select(host, role).Where(p => _processes.Find(p.Pid) is not null).ToList();
        foreach (var process in running)
        {
            Change(s => With(s, process with { Stopped = true }));
            await _processes.StopAsync(_state, process, signal, _patience, cancellation);
        }

        return [.. running.Select(p => p.Role)];
    }

    /// <summary>The words that run the words after them in a host, with the lab's programs and the operator's access in the environment.</summary>
    public IReadOnlyList<string> CommandIn(string host)
    {
        var state = Require();
        var place = TopologyOf(state).Host(host);
        string[] access = Paths.Kubeconfig(place) is { } kubeconfig ? [$"GATEHOUSE_KUBECONFIG={kubeconfig}"] : [];
        return
        [
            .. LabNamespaces.Enter(directory, state, host), "env", $"PATH={Paths.Binaries}:{LabProcesses.SystemPath}", $"GATEHOUSE_SOCKET={LabRoles.NodeSocket}", "DOTNET_EnableDiagnostics=0", .. access,
        ];
    }

    /// <summary>Ends everything that runs in the lab and removes its directory. Also after a crash of any part; nothing to do is no error.</summary>
    /// <returns>Whether there was something.</returns>
    public async Task<bool> DownAsync(CancellationToken cancellation)
    {
        var keeper = LabNamespaces.Find(directory);
        if (keeper is null && !Directory.Exists(directory)) return false;
        if (keeper is not null) await LabNamespaces.EndAsync(keeper, time, cancellation);
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        RemoveFolderOfLabs();
        return true;
    }

    /// <summary>The folder that holds labs and nothing else goes with the last of them.</summary>
    private void RemoveFolderOfLabs()
    {
        var folder = Path.GetDirectoryName(directory);
        if (Path.GetFileName(folder) != FolderName || !Directory.Exists(folder) || Directory.EnumerateFileSystemEntries(folder).Any()) return;
        try
        {
            Directory.Delete(folder);
        }
        catch (IOException)
        {
            // Another lab came up in between.
        }
    }

    /// <summary>Each role's process, and whether it runs.</summary>
    public IReadOnlyList<LabProcessStatus> Status(LabState state) =>
        [.. state.Processes.Select(p => new LabProcessStatus(p, p.Pid == 0 ? null : _processes.Find(p.Pid)?.Stamp.Pid))];

    /// <summary>Whether the lab's namespaces are there: false after a restart of the machine.</summary>
    public bool Runs() => LabNamespaces.Find(directory) is not null;

    private async Task StartHostAsync(LabOptions options, LabTopology topology, LabHost host, Action<string> progress, CancellationToken cancellation)
    {
        foreach (var role in LabRoles.Of(host))
        {
            await WriteTokenAsync(topology, host, role, cancellation);
            var process = new LabProcess
            {
                Host = host.Name,
                Role = role,
                Log = Paths.Log(host.Name, role),
                Command = [.. options.Program, .. LabRoles.Arguments(topology, options.Underlay, Paths, host, role)],
            };
            await StartProcessAsync(process, cancellation);
            progress($"{role} on {host.Name} is ready");
        }
    }

    private async Task StartProcessAsync(LabProcess process, CancellationToken cancellation)
    {
        LabState state;
        lock (_gate) state = _state!;
        await _processes.StartAsync(
            state, process, _patience, pid => Change(s => With(s, process with { Pid = pid, Stopped = false })), cancellation);
    }

    /// <summary>Asks for a token as an operator would, on the host whose API server gives it.</summary>
    private async Task WriteTokenAsync(LabTopology topology, LabHost host, string role, CancellationToken cancellation)
    {
        if (LabRoles.TokenIssuer(topology, host, role) is not { } issuer) return;
        var token = await Tool.RunAsync(
            $"asking {issuer.Name} for a token for {host.Name}",
            [.. CommandIn(issuer.Name), "gatehouse", "token", "create", "--role", LabRoles.TokenRole(role), "--member", host.Name], null, cancellation);
        var path = Paths.Token(host.Name, role);
        await using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        await file.WriteAsync(System.Text.Encoding.ASCII.GetBytes(token.Trim()), cancellation);
    }

    private List<LabProcess> Select(string host, string? role)
    {
        _ = TopologyOf(_state!).Host(host);
        var found = _state!.Processes.Where(p => p.Host == host && (role is null || p.Role == role)).ToList();
        if (found.Count > 0) return found;
        var there = string.Join(", ", _state.Processes.Where(p => p.Host == host).Select(p => p.Role));
        throw new LabException(there.Length == 0 ? $"no role runs on {host}" : $"no role '{role}' runs on {host}; there are: {there}");
    }

    private void MakeDirectories(LabTopology topology, LabOptions options)
    {
        foreach (var part in (string[])["logs", "tokens", "notify", "bin"]) Directory.CreateDirectory(Path.Combine(directory, part), Private);
        foreach (var host in topology.Hosts)
        {
            foreach (var role in LabRoles.Of(host)) Directory.CreateDirectory(Paths.State(host.Name, role), Private);
        }

        var program = Path.Combine(Paths.Binaries, "gatehouse");
        var words = string.Join(' ', options.Program.Select(w => $"'{w.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        File.WriteAllText(program, $"#!/bin/sh\nexport DOTNET_EnableDiagnostics=0\nexec {words} \"$@\"\n");
        File.SetUnixFileMode(program, Private);
    }

    private void Change(Func<LabState, LabState> change)
    {
        lock (_gate)
        {
            _state = change(_state!);
            _file.Write(_state);
        }
    }

    private static LabState With(LabState state, LabProcess process) =>
        state with { Processes = [.. state.Processes.Where(p => p.Host != process.Host || p.Role != process.Role), process] };
}

/// <summary>A role's process and its number on the machine; null when it does not run.</summary>
public sealed record LabProcessStatus(LabProcess Process, int? MachinePid);

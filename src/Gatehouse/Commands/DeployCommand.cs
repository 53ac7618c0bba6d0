using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse deploy</c>: a service and its instances, each a program that a worker runs in a network namespace of its own.</summary>
internal static class DeployCommand
{
    private const int DemoPort = 80;
    private static readonly string[] Demo = ["gatehouse", "demo"];

    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var name = new Argument<string>("SERVICE") { Description = "Name of the service; made when it does not exist." };
        var replicas = new Option<int>("--replicas") { Description = "How many instances there shall be. Default 1.", DefaultValueFactory = _ => 1, HelpName = "N" };
        var policies = new Option<string[]>("--policy")
        {
            Description = $"Balancing policy; one service address for each. One or more of {string.Join(", ", Policies.Words)}. Default roundRobin.",
            HelpName = "POLICY",
        };
        var cluster = new Option<string?>("--cluster") { Description = "The cluster that runs them. Default: the only one.", HelpName = "NAME" };
        var workers = new Option<string[]>("--worker") { Description = "Workers to use, in turn. Default: the cluster chooses.", HelpName = "NAME" };
        var ready = new Option<int?>("--ready-port") { Description = "TCP port on which the program listens when it can serve; no traffic before. Default: 80 for the demo service, else none.", HelpName = "PORT" };
        var wait = CommandParts.Duration("--wait", TimeSpan.FromSeconds(60), "How long to wait until all run.");
        var program = new Argument<string[]>("COMMAND") { Description = "Program and arguments. Default: the demo service.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("deploy", "Run instances of a service on workers." + CommandParts.Examples + """
              gatehouse deploy web --replicas 3
              gatehouse deploy web --replicas 3 --policy roundRobin --policy closest
              gatehouse deploy files --worker worker1 -- python3 -m http.server 80
            """) { name, replicas, policies, cluster, workers, ready, wait, program };
        replicas.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int>() is < 0 or > 10_000) r.AddError($"--replicas: '{r.Tokens[0].Value}' is not valid: 0 to 10000");
        });
        ready.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int?>() is < 1 or > 65_535) r.AddError($"--ready-port: '{r.Tokens[0].Value}' is not valid: 1 to 65535");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            using var client = access.Open(parsed);
            var wanted = new Deployment
            {
                Service = parsed.GetRequiredValue(name).ToLowerInvariant(),
                Replicas = parsed.GetValue(replicas),
                Policies = Policies.Parse(parsed.GetValue(policies) ?? []),
                Workers = parsed.GetValue(workers) ?? [],
                Cluster = parsed.GetValue(cluster),
                Process = parsed.GetValue(program) is { Length: > 0 } given ? new(given) { ReadyPort = parsed.GetValue(ready) } : new(Demo) { ReadyPort = parsed.GetValue(ready) ?? DemoPort },
            };
            return await new Deploying(host, client, wanted).RunAsync(parsed.GetValue(wait), cancellation);
        });
        return command.WithAccess(access);
    }

    private sealed record Deployment
    {
        public required string Service { get; init; }

        public required int Replicas { get; init; }

        public required IReadOnlyList<BalancingPolicy> Policies { get; init; }

        public required string[] Workers { get; init; }

        public required string? Cluster { get; init; }

        public required InstanceProcess Process { get; init; }
    }

    private sealed class Deploying(HostContext host, IObjectClient client, Deployment wanted)
    {
        public async Task<int> RunAsync(TimeSpan patience, CancellationToken cancellation)
        {
            var cluster = wanted.Cluster ?? await OnlyClusterAsync(cancellation);
            var service = await ServiceAsync(cancellation);
            var present = (await client.ListAsync<FabricInstance>(OfService, cancellation)).Items.Where(i => !i.Spec.Undeploy).ToDictionary(i => i.Spec.Number);
            for (var number = 0; number < wanted.Replicas; number++)
            {
                if (!present.ContainsKey(number)) await client.CreateAsync(Instance(number, cluster), cancellation);
            }

            foreach (var address in service.Status?.Addresses ?? []) host.Progress($"{wanted.Service}: {address.Ipv4}, {address.Ipv6} ({Policies.Word(address.Policy)})");
            var running = 0;
            var all = await ObjectWait.UntilAsync<FabricInstance>(client, OfService, found => Running(found, ref running), patience, host.Time, cancellation);
            if (!all) throw new CommandException($"{running} of {wanted.Replicas} instances run after {patience.TotalSeconds:0} s: `gatehouse describe fabricservice {wanted.Service}` says more");
            host.Out.WriteLine($"fabricservice/{wanted.Service} deployed, {wanted.Replicas} instances run");
            return ExitCode.Ok;
        }

        private Selection OfService => new(Fields: $"spec.service={wanted.Service}");

        private bool Running(IReadOnlyCollection<FabricInstance> found, ref int running)
        {
            var count = found.Count(i => i.Status?.Phase == InstancePhase.Running && !i.Spec.Undeploy && i.Spec.Number < wanted.Replicas);
            if (count != running) host.Progress($"{wanted.Service}: {count} of {wanted.Replicas} run");
            running = count;
            return count >= wanted.Replicas;
        }

        private async Task<string> OnlyClusterAsync(CancellationToken cancellation)
        {
            var all = (await client.ListAsync<Objects.Kinds.Cluster>(Selection.All, cancellation)).Items;
            if (all.Count == 1) return all[0].Metadata.Name;
            throw new UsageException(all.Count == 0 ? "--cluster: no cluster has joined" : $"--cluster: is required, because there are several: {string.Join(", ", all.Select(c => c.Metadata.Name))}");
        }

        private async Task<FabricService> ServiceAsync(CancellationToken cancellation)
        {
            if (await client.GetAsync<FabricService>(wanted.Service, cancellation) is { } there) return there;
            return await client.CreateAsync(
                new FabricService
                {
                    ApiVersion = FabricService.Info.ApiVersion,
                    Kind = FabricService.Info.Kind,
                    Metadata = new ObjectMeta { Name = wanted.Service },
                    Spec = new FabricServiceSpec { Policies = wanted.Policies },
                },
                cancellation);
        }

        private FabricInstance Instance(int number, string cluster) => new()
        {
            ApiVersion = FabricInstance.Info.ApiVersion,
            Kind = FabricInstance.Info.Kind,
            Metadata = new ObjectMeta { Name = $"{wanted.Service}.{number}" },
            Spec = new FabricInstanceSpec
            {
                Service = wanted.Service,
                Number = number,
                Cluster = cluster,
                Process = wanted.Process,
                Worker = wanted.Workers.Length == 0 ? null : wanted.Workers[number % wanted.Workers.Length],
            },
        };
    }
}

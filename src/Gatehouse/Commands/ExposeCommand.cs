using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse expose</c>: a port of a gateway host's public addresses leads to a service address. One exposure for each address family.</summary>
internal static class ExposeCommand
{
    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var service = new Argument<string>("SERVICE") { Description = "Name of the service." };
        var gateway = new Option<string>("--gateway") { Description = "Name of the gateway host.", HelpName = "NAME", Required = true };
        var port = Port("--port", "Public port.");
        port.Required = true;
        var servicePort = Port("--service-port", "Port of the service. Default 80.");
        servicePort.DefaultValueFactory = _ => 80;
        var protocol = new Option<Protocol>("--protocol") { Description = "TCP or UDP. Default TCP.", HelpName = "PROTOCOL" };
        var policy = new Option<string>("--policy") { Description = "Which of the service's addresses. Default roundRobin.", HelpName = "POLICY", DefaultValueFactory = _ => Policies.Word(default) };
        var address = new Option<string?>("--public-address")
        {
            Description = "Only this address of the gateway's. Default: all.",
            HelpName = "ADDRESS",
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (!CommandParts.TryAddress(text, out _)) result.AddError($"--public-address: '{text}' is not valid: an IPv4 or IPv6 address");
                return text;
            },
        };
        var keep = new Option<bool>("--keep-client-address") { Description = "The service sees the client's own address, not the gateway's." };
        var wait = CommandParts.Duration("--wait", TimeSpan.FromSeconds(30), "How long to wait until packets pass.");
        var command = new Command("expose", "Make a service reachable at a gateway's public address." + CommandParts.Examples + """
              gatehouse expose web --gateway gw --port 8080
              gatehouse expose dns --gateway gw --port 53 --service-port 53 --protocol UDP --keep-client-address
            """) { service, gateway, port, servicePort, protocol, policy, address, keep, wait };
        command.SetAction(async (parsed, cancellation) =>
        {
            var chosen = Policies.Parse(parsed.GetRequiredValue(policy));
            using var client = access.Open(parsed);
            var template = new ExposureSpec
            {
                Gateway = parsed.GetRequiredValue(gateway),
                PublicAddress = parsed.GetValue(address),
                Protocol = parsed.GetValue(protocol),
                Port = parsed.GetValue(port),
                ServicePort = parsed.GetValue(servicePort),
                KeepClientAddress = parsed.GetValue(keep),
            };
            return await new Exposing(host, client, parsed.GetRequiredValue(service).ToLowerInvariant(), template).RunAsync(chosen, parsed.GetValue(wait), cancellation);
        });
        return command.WithAccess(access);
    }

    private static Option<int> Port(string name, string description)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "PORT" };
        option.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int>() is < 1 or > 65_535) r.AddError($"{name}: '{r.Tokens[0].Value}' is not valid: 1 to 65535");
        });
        return option;
    }

    private sealed class Exposing(HostContext host, IObjectClient client, string service, ExposureSpec template)
    {
        public async Task<int> RunAsync(BalancingPolicy policy, TimeSpan patience, CancellationToken cancellation)
        {
            var found = await client.GetAsync<FabricService>(service, cancellation) ?? throw new CommandException($"fabricservices '{service}' not found");
            var gateway = await client.GetAsync<GatewayHost>(template.Gateway, cancellation) ?? throw new CommandException($"gatewayhosts '{template.Gateway}' not found");
            var pair = found.Status?.Addresses.FirstOrDefault(a => a.Policy == policy)
                ?? throw new CommandException($"fabricservices '{service}' has no {Policies.Word(policy)} address; it has: {string.Join(", ", found.Spec.Policies.Select(Policies.Word))}");
            var families = Families(gateway);
            string[] addresses = [.. ((string?[])[pair.Ipv4, pair.Ipv6]).OfType<string>().Where(a => families.Contains(FamilyOf(a)))];
            if (addresses.Length == 0) throw new CommandException($"'{template.Gateway}' has no public address of a family in which '{service}' has one");
            List<string> made = [];
            try
            {
                foreach (var address in addresses) made.Add(await CreateAsync(address, cancellation));
            }
            catch (ApiStatusException)
            {
                await WithdrawAsync(made, patience, cancellation);
                throw;
            }

            return await ReportAsync(made, patience, cancellation);
        }

        private HashSet<AddressFamily> Families(GatewayHost gateway) =>
            [.. (template.PublicAddress is { } only ? [only] : gateway.Spec.PublicAddresses).Select(FamilyOf)];

        private async Task<string> CreateAsync(string address, CancellationToken cancellation)
        {
            var exposure = new Exposure
            {
                ApiVersion = Exposure.Info.ApiVersion,
                Kind = Exposure.Info.Kind,
                Metadata = new ObjectMeta { Name = await NameAsync(address, cancellation) },
                Spec = template with { ServiceAddress = address },
            };
            await client.CreateAsync(exposure, cancellation);
            host.Out.WriteLine($"exposure/{exposure.Metadata.Name} created");
            return exposure.Metadata.Name;
        }

        private async Task<int> ReportAsync(List<string> names, TimeSpan patience, CancellationToken cancellation)
        {
            IReadOnlyList<Exposure> ours = [];
            var settled = await ObjectWait.UntilAsync<Exposure>(
                client, new Selection(Fields: $"spec.gateway={template.Gateway}"),
                all =>
                {
                    ours = [.. all.Where(e => names.Contains(e.Metadata.Name))];
                    return ours.Count == names.Count && ours.All(e => e.Status?.Phase is ExposurePhase.Active or ExposurePhase.Refused);
                },
                patience, host.Time, cancellation);
            foreach (var exposure in ours)
            {
                if (exposure.Status is { Phase: ExposurePhase.Active } active)
                {
                    foreach (var address in active.PublicAddresses) host.Out.WriteLine($"{new IPEndPoint(IPAddress.Parse(address), template.Port)} leads to {service} at {new IPEndPoint(IPAddress.Parse(exposure.Spec.ServiceAddress), template.ServicePort)}");
                }
                else
                {
                    host.Error.WriteLine($"gatehouse: exposure '{exposure.Metadata.Name}': {exposure.Status?.Phase.ToString() ?? "Pending"}: {exposure.Status?.Message}");
                }
            }

            if (settled && ours.All(e => e.Status?.Phase == ExposurePhase.Active)) return ExitCode.Ok;
            if (ours.Any(e => e.Status?.Phase == ExposurePhase.Refused)) await WithdrawAsync(names, patience, cancellation);
            else host.Error.WriteLine($"gatehouse: what is declared stays, and opens when it can: `gatehouse delete exposure {string.Join(' ', names)}` takes it back");
            return ExitCode.Failed;
        }

        /// <summary>Takes back all that this command made: what was refused must not open by itself later, and the next attempt begins with nothing.</summary>
        private async Task WithdrawAsync(List<string> names, TimeSpan patience, CancellationToken cancellation)
        {
            foreach (var name in names)
            {
                await client.DeleteAsync<Exposure>(name, preconditions: null, cancellation);
                host.Error.WriteLine($"gatehouse: exposure '{name}': withdrawn again");
            }

            if (names.Count == 0) return;
            var gone = await ObjectWait.UntilAsync<Exposure>(
                client, new Selection(Fields: $"spec.gateway={template.Gateway}"), all => !all.Any(e => names.Contains(e.Metadata.Name)), patience, host.Time, cancellation);
            if (!gone) host.Error.WriteLine($"gatehouse: {string.Join(", ", names)}: not gone yet: `gatehouse wait exposure NAME --for gone` waits");
        }

        /// <summary>The plain name, unless another gateway's exposure of the same service and port has it: then the gateway's name is part of it.</summary>
        private async Task<string> NameAsync(string address, CancellationToken cancellation)
        {
            var family = FamilyOf(address) == AddressFamily.InterNetwork ? "v4" : "v6";
            var plain = $"{service}-{template.Port}-{template.Protocol.ToString().ToLowerInvariant()}-{family}";
            var holder = await client.GetAsync<Exposure>(plain, cancellation);
            return holder is null || holder.Spec.Gateway == template.Gateway ? plain : $"{plain}-{template.Gateway}";
        }

        private static AddressFamily FamilyOf(string address) => IPAddress.Parse(address).AddressFamily;
    }
}

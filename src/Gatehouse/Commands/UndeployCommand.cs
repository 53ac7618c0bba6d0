using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse undeploy</c>: takes instances out of the balancing, lets them drain, and stops them; without <c>--number</c> the service goes too.</summary>
internal static class UndeployCommand
{
    private const string Patch = """{"spec":{"undeploy":true}}""";

    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var name = new Argument<string>("SERVICE") { Description = "Name of the service." };
        var numbers = new Option<int[]>("--number") { Description = "Only these instances; the service stays. May be repeated.", HelpName = "N" };
        var wait = CommandParts.Duration("--wait", TimeSpan.FromSeconds(60), "How long to wait until they are gone.");
        var command = new Command("undeploy", "Drain and stop instances of a service." + CommandParts.Examples + """
              gatehouse undeploy web --number 2
              gatehouse undeploy web
            """) { name, numbers, wait };
        command.SetAction(async (parsed, cancellation) =>
        {
            var service = parsed.GetRequiredValue(name).ToLowerInvariant();
            using var client = access.Open(parsed);
            if (parsed.GetValue(numbers) is not { Length: > 0 }) await RequireUnexposedAsync(client, service, cancellation);
            var gone = await UndeployAsync(host, client, service, parsed.GetValue(numbers) ?? [], parsed.GetValue(wait), cancellation);
            if (parsed.GetValue(numbers) is not { Length: > 0 }) gone |= await client.DeleteAsync<FabricService>(service, preconditions: null, cancellation);
            if (!gone) throw new CommandException($"fabricservices '{service}' has nothing to undeploy");
            host.Out.WriteLine($"fabricservice/{service} undeployed");
            return ExitCode.Ok;
        });
        return command.WithAccess(access);
    }

    /// <summary>Before anything is drained: root keeps a service that is exposed.</summary>
    private static async Task RequireUnexposedAsync(IObjectClient client, string name, CancellationToken cancellation)
    {
        if (await client.GetAsync<FabricService>(name, cancellation) is not { Status.Addresses: { } addresses }) return;
        var exposed = (await client.ListAsync<Exposure>(Selection.All, cancellation)).Items
            .Where(e => !e.Spec.Withdraw && e.Metadata.DeletionTimestamp is null && addresses.Any(a => e.Spec.ServiceAddress == a.Ipv4 || e.Spec.ServiceAddress == a.Ipv6))
            .Select(e => e.Metadata.Name).ToList();
        if (exposed.Count > 0) throw new CommandException($"fabricservices '{name}' is exposed by {string.Join(", ", exposed)}: `gatehouse delete exposure {string.Join(' ', exposed)}` first, or give --number");
    }

    private static async Task<bool> UndeployAsync(HostContext host, IObjectClient client, string service, int[] numbers, TimeSpan patience, CancellationToken cancellation)
    {
        var selection = new Selection(Fields: $"spec.service={service}");
        bool Meant(FabricInstance i) => numbers.Length == 0 || numbers.Contains(i.Spec.Number);
        var instances = (await client.ListAsync<FabricInstance>(selection, cancellation)).Items.Where(Meant).ToList();
        var missing = numbers.Except(instances.Select(i => i.Spec.Number)).ToList();
        if (missing.Count > 0) throw new CommandException($"fabricservices '{service}' has no instance {string.Join(", ", missing)}");
        foreach (var instance in instances) await MarkAsync(client, instance, cancellation);
        var done = await ObjectWait.UntilAsync<FabricInstance>(client, selection, found => !found.Any(Meant), patience, host.Time, cancellation);
        if (!done) throw new CommandException($"instances of '{service}' still drain after {patience.TotalSeconds:0} s: `gatehouse get fi --field-selector spec.service={service}` shows them");
        return instances.Count > 0;
    }

    private static async Task MarkAsync(IObjectClient client, FabricInstance instance, CancellationToken cancellation)
    {
        try
        {
            await client.MergePatchAsync<FabricInstance>(instance.Key, Patch, subresource: null, cancellation);
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.NotFound))
        {
            // Somebody else undeployed it in between, which is what was asked for.
        }
    }
}

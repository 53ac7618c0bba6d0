using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Output;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse describe</c>: one object for people, with the objects that belong to it.</summary>
internal static class DescribeCommand
{
    /// <summary>Kinds that are shown under another one, and the field that names the owner.</summary>
    private static readonly (KindInfo Owner, KindInfo Part, string Field)[] Parts =
    [
        (FabricService.Info, FabricInstance.Info, "spec.service"),
        (Worker.Info, FabricInstance.Info, "spec.worker"),
        (Worker.Info, Interest.Info, "spec.holder"),
        (Objects.Kinds.Cluster.Info, GatewayHost.Info, "spec.cluster"),
        (GatewayHost.Info, Exposure.Info, "spec.gateway"),
    ];

    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var kind = new Argument<string>("KIND") { Description = CommandParts.Kinds() };
        var name = new Argument<string>("NAME") { Description = "The object's name." };
        var space = CommandParts.NamespaceOption();
        var command = new Command("describe", "Show one object with all that belongs to it." + CommandParts.Examples + """
              gatehouse describe fabricservice web
              gatehouse describe worker worker1
            """) { kind, name, space };
        command.SetAction(async (parsed, cancellation) =>
        {
            var info = CommandParts.Kind(parsed.GetRequiredValue(kind));
            using var client = access.Open(parsed);
            var wanted = parsed.GetRequiredValue(name);
            var found = await KindCalls.For(info, client).GetAsync(CommandParts.Key(info, wanted, parsed.GetValue(space)), cancellation)
                ?? throw new CommandException($"{info.Plural} '{wanted}' not found");
            Write(host, found);
            await WritePartsAsync(host, client, info, wanted, cancellation);
            return ExitCode.Ok;
        });
        return command.WithAccess(access);
    }

    private static void Write(HostContext host, JsonObject value)
    {
        var shown = value.DeepClone().AsObject();
        if (shown["metadata"]?["annotations"] is JsonObject notes) notes.Remove(Input.ApplyPatch.Annotation);
        if (shown["metadata"]?["annotations"] is JsonObject { Count: 0 }) shown["metadata"]!.AsObject().Remove("annotations");
        host.Out.Write(YamlText.Write(shown));
    }

    private static async Task WritePartsAsync(HostContext host, IObjectClient client, KindInfo owner, string name, CancellationToken cancellation)
    {
        foreach (var (_, part, field) in Parts.Where(p => p.Owner == owner))
        {
            var list = await KindCalls.For(part, client).ListAsync(new Selection(Fields: $"{field}={name}"), cancellation);
            if (list.Items.Count == 0) continue;
            host.Out.WriteLine();
            host.Out.WriteLine($"{part.Plural}:");
            new ObjectPrinter(host, OutputForm.Table).Many(part, list.Items, list.ResourceVersion);
        }
    }
}

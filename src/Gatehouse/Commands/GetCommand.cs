using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Output;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse get</c>: objects as a table, JSON, YAML or names, once or as they change.</summary>
internal static class GetCommand
{
    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var kinds = new Argument<string>("KIND") { Description = $"One or several, with commas: {CommandParts.Kinds()}" };
        var names = new Argument<string[]>("NAME") { Description = "Only these.", Arity = ArgumentArity.ZeroOrMore };
        var space = CommandParts.NamespaceOption();
        var labels = new Option<string?>("--selector", "-l") { Description = "Label selector, for example app=web,tier!=test.", HelpName = "SELECTOR" };
        var fields = new Option<string?>("--field-selector") { Description = "Field selector, for example spec.worker=worker1.", HelpName = "SELECTOR" };
        var form = OutputOption.Create();
        var watch = new Option<bool>("--watch", "-w") { Description = "Show what there is and then every change, until stopped." };
        var command = new Command("get", "Show objects." + CommandParts.Examples + """
              gatehouse get workers
              gatehouse get fabricservices,fabricinstances -o wide
              gatehouse get exposure web-8080 -o yaml
              gatehouse get fi --field-selector spec.worker=worker1 --watch
            """) { kinds, names, space, labels, fields, form, watch };
        command.SetAction(async (parsed, cancellation) =>
        {
            var asked = parsed.GetRequiredValue(kinds).Split(',').Select(CommandParts.Kind).ToList();
            if (parsed.GetValue(watch) && asked.Count > 1) throw new UsageException("--watch: takes one kind");
            if (parsed.GetValue(names) is { Length: > 0 } && asked.Count > 1) throw new UsageException("NAME: takes one kind");
            using var client = access.Open(parsed);
            var selection = new Selection(parsed.GetValue(space), parsed.GetValue(labels), parsed.GetValue(fields));
            var getting = new Getting(host, client, new ObjectPrinter(host, parsed.GetValue(form)), selection);
            if (parsed.GetValue(names) is { Length: > 0 } wanted) return await getting.NamedAsync(asked[0], wanted, cancellation);
            return parsed.GetValue(watch) ? await getting.WatchAsync(asked[0], cancellation) : await getting.ListAsync(asked, cancellation);
        });
        return command.WithAccess(access);
    }

    private sealed class Getting(HostContext host, IObjectClient client, ObjectPrinter printer, Selection selection)
    {
        public async Task<int> NamedAsync(KindInfo kind, string[] names, CancellationToken cancellation)
        {
            var missing = false;
            foreach (var name in names)
            {
                var found = await KindCalls.For(kind, client).GetAsync(CommandParts.Key(kind, name, selection.Namespace), cancellation);
                if (found is not null) printer.One(kind, found);
                else host.Error.WriteLine($"gatehouse: {kind.Plural} '{name}' not found");
                missing |= found is null;
            }

            return missing ? ExitCode.Failed : ExitCode.Ok;
        }

        public async Task<int> ListAsync(List<KindInfo> kinds, CancellationToken cancellation)
        {
            foreach (var kind in kinds)
            {
                if (kind != kinds[0]) host.Out.WriteLine();
                var list = await KindCalls.For(kind, client).ListAsync(selection, cancellation);
                printer.Many(kind, list.Items, list.ResourceVersion);
            }

            return ExitCode.Ok;
        }

        public async Task<int> WatchAsync(KindInfo kind, CancellationToken cancellation)
        {
            var calls = KindCalls.For(kind, client);
            var list = await calls.ListAsync(selection, cancellation);
            printer.Many(kind, list.Items, list.ResourceVersion);
            host.Out.Flush();
            for (var revision = list.ResourceVersion; ;)
            {
                await foreach (var change in calls.WatchAsync(selection, revision, cancellation))
                {
                    revision = change.ResourceVersion;
                    if (change.Object is not null) printer.Change(kind, change.Type.ToString(), change.Object);
                }
            }
        }
    }
}

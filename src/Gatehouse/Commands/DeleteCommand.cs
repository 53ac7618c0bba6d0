using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Objects;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse delete</c>: by name, or all objects of files.</summary>
internal static class DeleteCommand
{
    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var kind = new Argument<string?>("KIND") { Description = CommandParts.Kinds(), Arity = ArgumentArity.ZeroOrOne };
        var names = new Argument<string[]>("NAME") { Description = "What to delete.", Arity = ArgumentArity.ZeroOrMore };
        var files = ApplyCommand.FilesOption();
        files.Required = false;
        var space = CommandParts.NamespaceOption();
        var missingIsFine = new Option<bool>("--ignore-not-found") { Description = "What does not exist is no error." };
        var command = new Command("delete", "Delete objects." + CommandParts.Examples + """
              gatehouse delete exposure web-8080
              gatehouse delete -f samples/exposure.yaml
            """) { kind, names, files, space, missingIsFine };
        command.Validators.Add(result =>
        {
            var byName = result.GetValue(kind) is not null;
            var byFile = result.GetValue(files) is { Length: > 0 };
            if (byName == byFile) result.AddError("give either KIND NAME… or -f FILE");
            else if (byName && result.GetValue(names) is not { Length: > 0 }) result.AddError("NAME: is required");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            var targets = Targets(host, parsed.GetValue(kind), parsed.GetValue(names) ?? [], parsed.GetValue(files) ?? [], parsed.GetValue(space));
            using var client = access.Open(parsed);
            var missing = false;
            foreach (var (info, key) in targets)
            {
                var deleted = await KindCalls.For(info, client).DeleteAsync(key, cancellation);
                missing |= !deleted;
                if (deleted) host.Out.WriteLine($"{info.Singular}/{key} deleted");
                else if (!parsed.GetValue(missingIsFine)) host.Error.WriteLine($"gatehouse: {info.Plural} '{key}' not found");
            }

            return missing && !parsed.GetValue(missingIsFine) ? ExitCode.Failed : ExitCode.Ok;
        });
        return command.WithAccess(access);
    }

    private static List<(KindInfo Kind, ObjectKey Key)> Targets(HostContext host, string? kind, string[] names, string[] files, string? space)
    {
        if (kind is null) return [.. ApplyCommand.ReadAll(host, files).Select(d => (d.Kind!, d.Key))];
        var info = CommandParts.Kind(kind);
        return [.. names.Select(n => (info, CommandParts.Key(info, n, space)))];
    }
}

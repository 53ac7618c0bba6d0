using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Input;
using Gatehouse.Output;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse apply</c>: creates or changes the objects of files. Every fault of every file is reported before anything is sent.</summary>
internal static class ApplyCommand
{
    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var files = FilesOption();
        var dry = new Option<bool>("--check") { Description = "Only look for faults; send nothing." };
        var command = new Command("apply", "Create or change objects from YAML or JSON." + CommandParts.Examples + """
              gatehouse apply -f samples/exposure.yaml
              gatehouse apply -f site/ -f more.json
              generate | gatehouse apply -f -
            """) { files, dry };
        command.SetAction(async (parsed, cancellation) =>
        {
            var documents = ReadAll(host, parsed.GetRequiredValue(files));
            if (parsed.GetValue(dry))
            {
                host.Out.WriteLine($"{documents.Count} objects, no fault");
                return ExitCode.Ok;
            }

            using var client = access.Open(parsed);
            return await ApplyAllAsync(host, client, documents, cancellation);
        });
        return command.WithAccess(access);
    }

    internal static Option<string[]> FilesOption() => new("--filename", "-f")
    {
        Description = "A file, a folder, or - for standard input. May be repeated.",
        HelpName = "FILE",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
    };

    /// <exception cref="UsageException">All faults of all files.</exception>
    internal static List<ObjectDocument> ReadAll(HostContext host, string[] paths)
    {
        List<string> faults = [];
        var documents = new ObjectFiles(host.In).Read(paths, faults);
        faults.AddRange(documents.SelectMany(d => d.Faults()));
        if (documents.Count == 0 && faults.Count == 0) faults.Add($"{string.Join(", ", paths)}: holds no object");
        return faults.Count == 0 ? documents : throw new UsageException(faults);
    }

    /// <summary>Goes on after a refusal, so that one answer shows all of them.</summary>
    private static async Task<int> ApplyAllAsync(HostContext host, IObjectClient client, List<ObjectDocument> documents, CancellationToken cancellation)
    {
        var code = ExitCode.Ok;
        foreach (var document in documents)
        {
            try
            {
                var outcome = await ApplyAsync(client, document, cancellation);
                host.Out.WriteLine($"{ObjectPrinter.NameOf(document.Kind!, document.Object)} {outcome}");
            }
            catch (ApiStatusException e)
            {
                host.Error.WriteLine($"gatehouse: {document.Place}: {e.Message}");
                code = ExitCode.Refused;
            }
        }

        return code;
    }

    private static async Task<string> ApplyAsync(IObjectClient client, ObjectDocument document, CancellationToken cancellation)
    {
        var calls = KindCalls.For(document.Kind!, client);
        if (await calls.GetAsync(document.Key, cancellation) is not { } stored)
        {
            await calls.CreateAsync(ApplyPatch.ForCreate(document.Object), cancellation);
            return "created";
        }

        if (ApplyPatch.ForUpdate(stored, document.Object) is not { } patch) return "unchanged";
        await calls.PatchAsync(document.Key, patch.ToJsonString(), cancellation);
        return "configured";
    }
}

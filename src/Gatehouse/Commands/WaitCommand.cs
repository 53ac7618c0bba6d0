using System.CommandLine;
using System.Text.Json;
using Gatehouse.Access;
using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse wait</c>: until a field of an object has a value, or the object is gone.</summary>
internal static class WaitCommand
{
    private const string Gone = "gone";

    public static Command Create(HostContext host)
    {
        var access = new ApiAccess(host);
        var kind = new Argument<string>("KIND") { Description = CommandParts.Kinds() };
        var name = new Argument<string>("NAME") { Description = "The object; it may not exist yet." };
        var condition = new Option<string>("--for") { Description = $"FIELD=VALUE, or {Gone}.", HelpName = "CONDITION", Required = true };
        var patience = CommandParts.Duration("--timeout", TimeSpan.FromSeconds(60), "How long.");
        var space = CommandParts.NamespaceOption();
        var command = new Command("wait", "Wait until an object is as wanted." + CommandParts.Examples + """
              gatehouse wait fabricinstance web.0 --for status.phase=Running
              gatehouse wait exposure web-8080-tcp-v4 --for gone --timeout 2m
            """) { kind, name, condition, patience, space };
        command.SetAction(async (parsed, cancellation) =>
        {
            var info = CommandParts.Kind(parsed.GetRequiredValue(kind));
            var wanted = parsed.GetRequiredValue(condition);
            var holds = Condition(wanted);
            using var client = access.Open(parsed);
            var key = CommandParts.Key(info, parsed.GetRequiredValue(name), parsed.GetValue(space));
            var done = await info.Accept(new Waiting(client, key, holds, parsed.GetValue(patience), host.Time, cancellation));
            if (!done) throw new CommandException($"{info.Singular} '{key}' was not {wanted} within {HumanDuration.Of(parsed.GetValue(patience))}");
            host.Out.WriteLine($"{info.Singular}/{key} {wanted}");
            return ExitCode.Ok;
        });
        return command.WithAccess(access);
    }

    /// <summary>The test of an object; of null when it does not exist.</summary>
    private static Func<JsonElement?, bool> Condition(string text)
    {
        if (text == Gone) return o => o is null;
        var split = text.IndexOf('=', StringComparison.Ordinal);
        if (split <= 0) throw new UsageException($"--for: '{text}' is not valid: FIELD=VALUE, or {Gone}");
        try
        {
            var path = FieldPath.Parse(text[..split]);
            return o => o is { } there && string.Equals(path.Text(there), text[(split + 1)..], StringComparison.OrdinalIgnoreCase);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--for: {e.Message}");
        }
    }

    private sealed class Waiting(IObjectClient client, ObjectKey key, Func<JsonElement?, bool> holds, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
        : IKindVisitor<Task<bool>>
    {
        public Task<bool> Visit<T>(KindInfo<T> kind)
            where T : ApiObject, IKind<T> => ObjectWait.UntilAsync<T>(
                client, new Selection(key.Namespace, Fields: $"metadata.name={key.Name}"),
                found => holds(found.FirstOrDefault(o => o.Key == key) is { } there ? JsonSerializer.SerializeToElement(there, kind.Json) : null),
                patience, time, cancellation);
    }
}

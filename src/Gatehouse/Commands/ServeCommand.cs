using System.CommandLine;
using Gatehouse.Serve;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse serve</c>: one or several roles in this process. All options are checked together, and nothing is bound until all are valid.</summary>
internal static class ServeCommand
{
    public static Command Create(HostContext host)
    {
        var roles = new Argument<string[]>("ROLE") { Description = $"One or several of {string.Join(", ", ServeOptions.AllRoles)}.", Arity = ArgumentArity.OneOrMore };
        var options = new ServeOptions();
        var command = new Command("serve", "Run roles. SIGTERM drains and ends; logs go to standard error." + CommandParts.Examples + """
              gatehouse serve root --state /var/lib/gatehouse/root
              gatehouse serve cluster --state /var/lib/gatehouse/cluster --name berlin --root https://192.0.2.1:7443 --token-file token
              gatehouse serve node --state /var/lib/gatehouse/node --name w1 --cluster https://192.0.2.2:7444 --token-file token --underlay 192.0.2.11
            """) { roles };
        foreach (var option in options.All) command.Add(option);
        command.Validators.Add(result =>
        {
            var chosen = result.GetValue(roles) ?? [];
            foreach (var word in chosen.Except(ServeOptions.AllRoles)) result.AddError($"ROLE: '{word}' is not valid: one of {string.Join(", ", ServeOptions.AllRoles)}");
            var known = ServeOptions.AllRoles.Intersect(chosen).ToList();
            if (known.Count == 0) return;
            foreach (var fault in options.Faults(result, known)) result.AddError(fault);
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            var chosen = ServeOptions.AllRoles.Intersect(parsed.GetRequiredValue(roles)).ToList();
            var settings = ServeSettings.Read(parsed, options, chosen);
            using var logs = ServeLogs.Create(parsed.GetValue(options.Log) ?? (Console.IsErrorRedirected ? "json" : "text"));
            var served = Roles.Create(settings, host, logs);
            using var collection = new IdleCollection(TimeProvider.System);
            return await new RoleHost(new ServiceNotify(host.Variable("NOTIFY_SOCKET")), logs.CreateLogger("Gatehouse")).RunAsync(served, cancellation);
        });
        return command;
    }
}

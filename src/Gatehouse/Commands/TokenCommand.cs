using System.CommandLine;
using Gatehouse.Access;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse token</c>: permission to join.</summary>
internal static class TokenCommand
{
    public static Command Create(HostContext host) => new("token", "Permission to join as a cluster, worker or operator.") { CreateCreate(host), CreateRevoke(host) };

    private static Command CreateCreate(HostContext host)
    {
        var access = new ApiAccess(host);
        var role = new Option<string>("--role") { Description = "What it lets join: cluster or operator (at root), worker (at a cluster).", HelpName = "ROLE", Required = true };
        role.AcceptOnlyFromAmong("cluster", "worker", "operator");
        var member = new Option<string?>("--member") { Description = "The one name that may use it; needed for a name that is a member already. Default: any that is none yet.", HelpName = "NAME" };
        var life = CommandParts.Duration("--life", TimeSpan.FromHours(1), "How long it can be used, at most 365d.", TimeSpan.FromDays(365));
        var command = new Command("create", "Make a join token and print it; it can't be read again." + CommandParts.Examples + """
              gatehouse token create --role cluster --member berlin > token
              gatehouse token create --role worker --life 15m
            """) { role, member, life };
        command.SetAction(async (parsed, cancellation) =>
        {
            var config = access.Read(parsed);
            var pin = config.Pin ?? throw new UsageException($"the kubeconfig has no extension {Kubeconfig.PinExtension}: use the admin.kubeconfig that root or cluster wrote");
            using var client = access.Open(config);
            var token = TokenText.Generate(pin);
            await client.CreateAsync(
                new JoinToken
                {
                    ApiVersion = JoinToken.Info.ApiVersion,
                    Kind = JoinToken.Info.Kind,
                    Metadata = new ObjectMeta { Name = token.Id },
                    Spec = new JoinTokenSpec
                    {
                        Hash = token.Hash,
                        Role = parsed.GetRequiredValue(role),
                        Member = parsed.GetValue(member),
                        ExpiresAt = host.Time.GetUtcNow() + parsed.GetValue(life),
                    },
                },
                cancellation);
            host.Out.WriteLine(token.ToString());
            return ExitCode.Ok;
        });
        return command.WithAccess(access);
    }

    private static Command CreateRevoke(HostContext host)
    {
        var access = new ApiAccess(host);
        var id = new Argument<string>("ID") { Description = "The token's id (its second part), or the whole token." };
        var command = new Command("revoke", "Withdraw a join token. Members that joined with it stay.") { id };
        command.SetAction(async (parsed, cancellation) =>
        {
            var given = parsed.GetRequiredValue(id);
            var name = TokenText.TryParse(given, out var token) ? token.Id : given;
            using var client = access.Open(parsed);
            if (!await client.DeleteAsync<JoinToken>(name, preconditions: null, cancellation)) throw new CommandException($"jointokens '{name}' not found");
            host.Out.WriteLine($"jointoken/{name} revoked");
            return ExitCode.Ok;
        });
        return command.WithAccess(access);
    }
}

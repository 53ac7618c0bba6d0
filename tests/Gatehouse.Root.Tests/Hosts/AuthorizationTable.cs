using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;

namespace Gatehouse.TestHosts;

/// <summary>What somebody may do with objects of one kind, as verbs with spaces between.</summary>
/// <param name="Own">With an object of its own.</param>
/// <param name="OwnStatus">With its status.</param>
/// <param name="Foreign">With another's.</param>
/// <param name="ForeignStatus">With another's status.</param>
internal sealed record Rights(string Own, string OwnStatus = "", string Foreign = "", string ForeignStatus = "");

/// <summary>An authorizer against a table of rights: every kind, every verb; what the table does not name has to be refused.</summary>
internal static class AuthorizationTable
{
    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];

    /// <summary>Fails with everything that is decided otherwise.</summary>
    /// <param name="request">What <paramref name="own"/> asks about an object of an owner: kind, verb, subresource, owner.</param>
    public static void Check(
        IAuthorizer authorizer, IReadOnlyDictionary<string, Rights> table, string own, string foreign, Func<KindInfo, string, string?, string, AuthorizationRequest> request)
    {
        List<string> wrong = [];
        foreach (var kind in KindTable.All)
        {
            var rights = table.GetValueOrDefault(kind.Kind, new Rights(""));
            foreach (var verb in Verbs)
            {
                Decide(kind, verb, null, own, rights.Own);
                Decide(kind, verb, null, foreign, rights.Foreign);
                if (!kind.HasStatus || verb is "list" or "watch" or "create" or "delete") continue;
                Decide(kind, verb, "status", own, rights.OwnStatus);
                Decide(kind, verb, "status", foreign, rights.ForeignStatus);
            }
        }

        Assert.Empty(wrong);

        void Decide(KindInfo kind, string verb, string? subresource, string owner, string expected)
        {
            var refusal = authorizer.Refuse(request(kind, verb, subresource, owner));
            if (refusal is null == expected.Split(' ').Contains(verb)) return;
            wrong.Add($"{verb} {kind.Plural}{(subresource is null ? "" : "/status")} of {owner}: {refusal ?? "allowed"}");
        }
    }

    /// <summary>Over the wire: the call has to be refused with 403.</summary>
    public static async Task RefusedAsync(Func<Task> act) => Assert.Equal(403, (await Assert.ThrowsAsync<ApiStatusException>(act)).Status.Code);
}

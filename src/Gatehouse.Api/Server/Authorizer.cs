using Gatehouse.Api.Identity;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server;

/// <summary>Decides who may do what. Root and cluster bring one each; the kubectl issue adds RBAC beside it.</summary>
public interface IAuthorizer
{
    /// <summary>Null when allowed; otherwise why not, for the 403's message.</summary>
    /// <remarks>Lists and watches by a member must name what is its own with a field selector, which is checked here.</remarks>
    string? Refuse(AuthorizationRequest request);
}

/// <summary>A request to decide on.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete (Kubernetes' verbs).</param>
/// <param name="Subresource">Null, or <c>status</c>.</param>
/// <param name="Name">Null for list, watch and create.</param>
/// <param name="FieldSelector">As given with list or watch.</param>
/// <param name="Object">
/// The object as stored (get, update, patch, delete) or as sent (create), as JSON that can be read as the kind's record; null for list and watch, and where nothing
/// is stored. For update and patch the authorizer is asked twice, with the object as stored and as it would become, and both must pass: nobody takes what is not
/// his, nor turns his own into another's.
/// </param>
public sealed record AuthorizationRequest(
    UserInfo User,
    string Verb,
    KindInfo Kind,
    string? Subresource,
    string? Namespace,
    string? Name,
    string? FieldSelector,
    System.Text.Json.Nodes.JsonObject? Object);

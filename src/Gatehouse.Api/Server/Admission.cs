using System.Text.Json.Nodes;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server;

/// <summary>
/// A role's say in a write, in the server's process, after authorisation and before validation. It may change the object (allocate an address, fill a
/// status it knows), so that one durable write answers the caller.
/// </summary>
public interface IAdmission
{
    /// <summary>Kinds that it wants to see.</summary>
    IReadOnlyCollection<KindInfo> Kinds { get; }

    /// <summary>Called for each write; concurrent. Must not block on the network.</summary>
    /// <returns>Null to go on, or the refusal.</returns>
    ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation);

    /// <summary>The write was not made after all: conflict, invalid, or the caller left. Gives back what <see cref="AdmitAsync"/> took.</summary>
    void Abandon(AdmissionRequest request);
}

/// <summary>What is about to be written.</summary>
public enum AdmissionVerb
{
    Create,
    Update,
    UpdateStatus,
    Delete,
}

/// <summary>A write under way.</summary>
public sealed class AdmissionRequest
{
    public required AdmissionVerb Verb { get; init; }

    public required KindInfo Kind { get; init; }

    /// <summary>The object's name; on a create with generateName already generated.</summary>
    public required ObjectKey Key { get; init; }

    /// <summary>Who asks.</summary>
    public required UserInfo User { get; init; }

    /// <summary>The object as it will be stored; may be changed in place. The object before, for a delete.</summary>
    public required JsonObject Object { get; init; }

    /// <summary>The stored object; null on create.</summary>
    public JsonObject? Old { get; init; }
}

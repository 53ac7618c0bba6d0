using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>Subject names: CN is the user, each O is a group (as Kubernetes reads client certificates).</summary>
internal static class SubjectName
{
    private const string CommonName = "2.5.4.3";
    private const string Organization = "2.5.4.10";

    public static X500DistinguishedName Of(string name, IReadOnlyList<string> groups)
    {
        var builder = new X500DistinguishedNameBuilder();
        // The builder writes what was added last first; other tools show O before CN.
        builder.AddCommonName(name);
        foreach (var group in groups.Reverse()) builder.AddOrganizationName(group);
        return builder.Build();
    }

    /// <summary>The user of a subject; null when it has no CN, more than one, or a part that is not text.</summary>
    public static UserInfo? Read(X500DistinguishedName subject)
    {
        string? name = null;
        List<string> groups = [];
        foreach (var part in subject.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            // A part with several attributes has no single value; nothing that we issue has one.
            if (part.HasMultipleElements || part.GetSingleElementValue() is not { } value) return null;
            switch (part.GetSingleElementType().Value)
            {
                case CommonName when name is null: name = value; break;
                case CommonName: return null;
                case Organization: groups.Add(value); break;
                default: break;
            }
        }

        return string.IsNullOrEmpty(name) ? null : new UserInfo(name, groups);
    }
}

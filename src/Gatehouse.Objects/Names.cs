namespace Gatehouse.Objects;

/// <summary>The forms of names (RFC 1123 as Kubernetes applies it).</summary>
public static class Names
{
    /// <summary>What <see cref="IsLabel"/> demands, for messages.</summary>
    public const string LabelRule = "must be 1 to 63 lower-case letters, digits or '-', and start and end with a letter or digit (RFC 1123 label)";

    /// <summary>What <see cref="IsSubdomain"/> demands, for messages.</summary>
    public const string SubdomainRule =
        "must be 1 to 253 lower-case letters, digits, '-' or '.', and each part between dots must start and end with a letter or digit (RFC 1123 subdomain)";

    /// <summary>What <see cref="IsQualified"/> demands, for messages.</summary>
    public const string QualifiedRule =
        "must be up to 63 letters, digits, '-', '_' or '.', start and end with a letter or digit, and may have a DNS prefix before '/'";

    /// <summary>What <see cref="IsLabelValue"/> demands, for messages.</summary>
    public const string LabelValueRule = "must be empty, or up to 63 letters, digits, '-', '_' or '.', and start and end with a letter or digit";

    /// <summary>A DNS label: namespaces, members.</summary>
    public static bool IsLabel(ReadOnlySpan<char> name) => name.Length is > 0 and <= 63 && IsDnsPart(name);

    /// <summary>A DNS subdomain: objects.</summary>
    public static bool IsSubdomain(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > 253) return false;
        foreach (var part in name.Split('.'))
        {
            if (!IsDnsPart(name[part])) return false;
        }

        return true;
    }

    /// <summary>The key of a label, annotation or finalizer.</summary>
    public static bool IsQualified(ReadOnlySpan<char> name)
    {
        var slash = name.IndexOf('/');
        if (slash >= 0 && !IsSubdomain(name[..slash])) return false;
        var local = name[(slash + 1)..];
        return local.Length > 0 && IsLabelValue(local);
    }

    /// <summary>The value of a label.</summary>
    public static bool IsLabelValue(ReadOnlySpan<char> value)
    {
        if (value.Length == 0) return true;
        if (value.Length > 63 || !char.IsAsciiLetterOrDigit(value[0]) || !char.IsAsciiLetterOrDigit(value[^1])) return false;
        foreach (var c in value)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        }

        return true;
    }

    private static bool IsDnsPart(ReadOnlySpan<char> part)
    {
        if (part.Length == 0 || part[0] == '-' || part[^1] == '-') return false;
        foreach (var c in part)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-') return false;
        }

        return true;
    }
}

namespace Gatehouse.TestKit.Tls;

/// <summary>Certificates in files, for examples that name such.</summary>
public static class CertificateFiles
{
    /// <summary>The names that the documents' and samples' certificates have.</summary>
    public static IReadOnlyList<string> OfExamples { get; } = ["shop.example.com", "tenants.example.com"];

    /// <summary>A folder with <c>NAME.crt</c>, with its chain, and <c>NAME.key</c> for each name.</summary>
    public static TemporaryDirectory Folder(IEnumerable<string> names)
    {
        var folder = new TemporaryDirectory();
        using var authority = new TestAuthority();
        foreach (var name in names)
        {
            using var certificate = authority.Issue(name);
            File.WriteAllText(folder[$"{name}.crt"], certificate.Chain);
            File.WriteAllText(folder[$"{name}.key"], certificate.Key);
        }

        return folder;
    }
}

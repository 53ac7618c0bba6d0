using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Identity;

public sealed class CertificateAuthorityTests
{
    private static readonly UserInfo Admin = new("admin", [UserInfo.MastersGroup]);

    [Fact]
    public void A_root_authority_survives_on_disk_for_its_owner_alone()
    {
        using var directory = new TemporaryDirectory();
        var path = directory["identity"];
        string pin;
        using (var made = CertificateAuthority.OpenRoot(path, "root", TimeProvider.System))
        {
            pin = made.Pin;
            Assert.Equal(TimeSpan.FromDays(3650) + TimeSpan.FromMinutes(5), made.Certificate.NotAfter - made.Certificate.NotBefore);
        }

        using var again = CertificateAuthority.OpenRoot(path, "ignored", TimeProvider.System);
        Assert.Equal(pin, again.Pin);
        Assert.True(again.IsRoot);
        Assert.Equal(2, Directory.GetFiles(path).Length);
        Assert.All(Directory.GetFiles(path), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
        using var leaf = Issue(again, Admin);
        Assert.True(CertificateCheck.IsSignedBy(leaf, again.Certificate));
    }

    [Theory]
    [InlineData(IdentityFiles.AuthorityCertificate, "")]
    [InlineData(IdentityFiles.AuthorityCertificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    [InlineData(IdentityFiles.AuthorityKey, "")]
    [InlineData(IdentityFiles.AuthorityKey, "rubbish")]
    [InlineData(IdentityFiles.AuthorityKey, null)]
    [InlineData(IdentityFiles.AuthorityCertificate, null)]
    public void A_damaged_file_is_named_and_nothing_is_replaced(string file, string? content)
    {
        using var directory = new TemporaryDirectory();
        CertificateAuthority.OpenRoot(directory.Path, "root", TimeProvider.System).Dispose();
        if (content is null) File.Delete(directory[file]);
        else File.WriteAllText(directory[file], content);
        var before = Directory.GetFiles(directory.Path).ToDictionary(f => f, File.ReadAllText);
        var fault = Assert.Throws<IdentityFileException>(() => CertificateAuthority.OpenRoot(directory.Path, "root", TimeProvider.System));
        Assert.Equal(directory[file], fault.Path);
        Assert.Equal(before, Directory.GetFiles(directory.Path).ToDictionary(f => f, File.ReadAllText));
    }

    [Fact]
    public void A_key_of_another_authority_is_refused()
    {
        using var directory = new TemporaryDirectory();
        CertificateAuthority.OpenRoot(directory["a"], "root", TimeProvider.System).Dispose();
        CertificateAuthority.OpenRoot(directory["b"], "root", TimeProvider.System).Dispose();
        File.Copy(directory["b", IdentityFiles.AuthorityKey], directory["a", IdentityFiles.AuthorityKey], overwrite: true);
        Assert.Contains("is not the key of", Assert.Throws<IdentityFileException>(() => CertificateAuthority.OpenRoot(directory["a"], "root", TimeProvider.System)).Message);
    }

    [Fact]
    public void An_intermediate_survives_on_disk_and_signs_what_chains_to_root()
    {
        using var directory = new TemporaryDirectory();
        Assert.Null(CertificateAuthority.OpenIntermediate(directory.Path, TimeProvider.System));
        using var root = CertificateAuthority.CreateRoot("root", TimeProvider.System);
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using (var made = CertificateAuthority.FromIntermediate(root.IssueIntermediate(new PublicKey(key), "a"), root.Certificate, key, TimeProvider.System)) made.SaveIntermediate(directory.Path);
        using var opened = CertificateAuthority.OpenIntermediate(directory.Path, TimeProvider.System)!;
        Assert.False(opened.IsRoot);
        using var leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = opened.IssueServer(new PublicKey(leafKey), ["a.example", "10.0.0.1", "fc00::1"]);
        // The platform's own path building agrees with ours.
        using var chain = new X509Chain { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
        chain.ChainPolicy.CustomTrustStore.Add(root.Certificate);
        chain.ChainPolicy.ExtraStore.Add(opened.Certificate);
        Assert.True(chain.Build(leaf), string.Join(", ", chain.ChainStatus.Select(s => s.StatusInformation)));
        Assert.True(leaf.MatchesHostname("a.example"));
        Assert.Throws<InvalidOperationException>(() => opened.IssueIntermediate(new PublicKey(leafKey), "b"));
    }

    [Fact]
    public void Lives_are_as_told_and_never_longer_than_the_authoritys()
    {
        var time = new ManualTimeProvider();
        using var root = CertificateAuthority.CreateRoot("root", time);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = time.GetUtcNow().UtcDateTime;
        using var day = root.IssueClient(new PublicKey(key), Admin);
        Assert.Equal(now + TimeSpan.FromHours(24), day.NotAfter.ToUniversalTime());
        Assert.Equal(now - TimeSpan.FromMinutes(5), day.NotBefore.ToUniversalTime());
        using var ages = root.IssueClient(new PublicKey(key), Admin, TimeSpan.FromDays(9999));
        Assert.Equal(root.Certificate.NotAfter, ages.NotAfter);
        time.Advance(TimeSpan.FromDays(3651));
        Assert.Throws<InvalidOperationException>(() => root.IssueClient(new PublicKey(key), Admin));
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_a_certificate_is_noticed()
    {
        using var root = CertificateAuthority.CreateRoot("root", TimeProvider.System);
        using var leaf = Issue(root, Admin);
        var bytes = leaf.RawData;
        Assert.Null(CertificateCheck.Refuse(leaf, root.Certificate, CertificateCheck.ClientPurpose, DateTimeOffset.UtcNow));
        for (var i = 0; i < bytes.Length; i++)
        {
            var flipped = bytes.ToArray();
            flipped[i] ^= 0x20;
            X509Certificate2 damaged;
            try
            {
                damaged = X509CertificateLoader.LoadCertificate(flipped);
            }
            catch (CryptographicException)
            {
                continue;
            }

            using (damaged) Assert.False(CertificateCheck.IsSignedBy(damaged, root.Certificate), $"byte {i}");
        }
    }

    [Fact]
    public void Many_threads_may_look_at_one_certificate()
    {
        using var root = CertificateAuthority.CreateRoot("root", TimeProvider.System);
        using var issued = Issue(root, Admin);
        for (var round = 0; round < 2000; round++)
        {
            // A fresh object each time: the runtime decodes a certificate's extensions when they are first looked at.
            using var leaf = X509CertificateLoader.LoadCertificate(issued.RawData);
            using var together = new Barrier(4);
            var refusals = new string?[4];
            var threads = Enumerable.Range(0, 4).Select(i => new Thread(() =>
            {
                together.SignalAndWait();
                refusals[i] = CertificateCheck.Refuse(leaf, root.Certificate, CertificateCheck.ClientPurpose, DateTimeOffset.UtcNow);
            })).ToList();
            threads.ForEach(static t => t.Start());
            threads.ForEach(static t => t.Join());
            Assert.All(refusals, Assert.Null);
        }
    }

    [Theory]
    [InlineData("w1")]
    [InlineData("a-very-long-name-of-sixty-three-characters-that-is-a-label-0123456")]
    public void Names_come_back_as_they_went_in(string name)
    {
        using var root = CertificateAuthority.CreateRoot("root", TimeProvider.System);
        var user = new UserInfo(UserInfo.WorkerPrefix + name, [UserInfo.WorkersGroup, "more"]);
        using var leaf = Issue(root, user);
        var read = SubjectName.Read(leaf.SubjectName)!;
        Assert.Equal(user.Name, read.Name);
        Assert.Equal(user.Groups, read.Groups);
        Assert.Equal(name, read.Worker);
    }

    [Theory]
    [InlineData("")]
    [InlineData("gh1.abcdefghij.0.0")]
    [InlineData("gh2.abcdefghij.{0}.{0}")]
    [InlineData("gh1.abcdefghi.{0}.{0}")]
    [InlineData("gh1.ABCDEFGHIJ.{0}.{0}")]
    [InlineData("gh1.abcdefghij.{0}.{0}.x")]
    [InlineData("gh1.abcdefghij.{0}.G{0}")]
    public void What_is_no_token_is_refused(string text) =>
        Assert.False(TokenText.TryParse(string.Format(text, new string('a', 64)), out _));

    [Fact]
    public void Tokens_read_as_they_are_written()
    {
        var pin = new string('b', 64);
        var token = TokenText.Generate(pin);
        Assert.True(TokenText.TryParse($" {token}\n", out var read));
        Assert.Equal(token, read);
        Assert.True(read.Matches(token.Hash));
        Assert.False(read.Matches(TokenText.Generate(pin).Hash));
        Assert.False(read.Matches(""));
        Assert.NotEqual(token.Secret, TokenText.Generate(pin).Secret);
    }

    private static string Text(string base64) => System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(base64));

    private static X509Certificate2 Issue(CertificateAuthority authority, UserInfo user)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return authority.IssueClient(new PublicKey(key), user);
    }
}

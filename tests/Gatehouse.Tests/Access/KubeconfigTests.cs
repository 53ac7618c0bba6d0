using System.Net;
using Gatehouse.Access;
using Gatehouse.Api.Identity;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Access;

public sealed class KubeconfigTests
{
    [Fact]
    public void What_a_role_writes_is_what_a_command_reads()
    {
        using var folder = new TemporaryDirectory();
        using var authority = CertificateAuthority.CreateRoot("test", TimeProvider.System);
        var path = Path.Combine(folder.Path, "admin.kubeconfig");
        var file = new Gatehouse.Serve.AdminKubeconfig(path, IPEndPoint.Parse("[::]:7443"), TimeProvider.System);
        file.Write(authority);
        file.Write(authority);
        var read = Kubeconfig.Load(path);

        Assert.Equal(new Uri("https://[::1]:7443"), read.Server);
        Assert.Equal(authority.Pin, read.Pin);
        Assert.True(read.Credentials.Certificate!.HasPrivateKey);
        Assert.Null(CertificateCheck.Refuse(read.Credentials.Certificate, authority.Certificate, CertificateCheck.ClientPurpose, TimeProvider.System.GetUtcNow()));
        Assert.Contains(UserInfo.MastersGroup, read.Credentials.Certificate.Subject, StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        Assert.Equal(authority.Certificate.Thumbprint, Assert.Single(read.Credentials.Trust).Thumbprint);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    public static TheoryData<string, string> Faulty => new()
    {
        { "", "holds no mapping" },
        { "just text", "holds no mapping" },
        { "a: [", "line " },
        { "kind: Config", "current-context: is required" },
        { "current-context: x", "contexts: no entry 'x', which current-context names" },
        { "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]", "clusters: no entry 'c'" },
        { "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\nclusters: [{name: c, cluster: {server: 'http://x'}}]", "'http://x' is not valid: an https URL" },
        { "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {client-key-data: '%'}}]\nclusters: [{name: c, cluster: {server: 'https://x'}}]", "client-key-data: is not base64" },
        { "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {client-certificate: none.pem}}]\nclusters: [{name: c, cluster: {server: 'https://x'}}]", "none.pem" },
        { Of("{exec: {command: aws}}"), "users[].user.exec: is not supported: credential plug-ins are not run; use client-certificate-data" },
        { Of("{auth-provider: {name: gcp}, token: t}"), "users[].user.auth-provider: is not supported" },
        { Of("{username: u, password: p}"), "users[].user.username: is not supported" },
        { Of("{tokenFile: /x}"), "users[].user.tokenFile: is not supported" },
        { Of("{token: t, as: somebody}"), "users[].user.as: is not supported: nobody is impersonated" },
    };

    private static string Of(string user) =>
        $"current-context: x\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {user}}}]\nclusters: [{{name: c, cluster: {{server: 'https://x'}}}}]";

    [Fact]
    public void What_other_users_of_the_file_have_does_not_matter()
    {
        using var folder = new TemporaryDirectory();
        var path = Path.Combine(folder.Path, "config");
        File.WriteAllText(path, Of("{token: t}").Replace("users: [", "users: [{name: v, user: {exec: {command: aws}}}, ", StringComparison.Ordinal));
        Assert.Equal("t", Kubeconfig.Load(path).Credentials.BearerToken);
    }

    [Theory]
    [MemberData(nameof(Faulty))]
    public void A_faulty_file_says_what_is_wrong(string text, string fault)
    {
        using var folder = new TemporaryDirectory();
        var path = Path.Combine(folder.Path, "config");
        File.WriteAllText(path, text);
        var thrown = Assert.Throws<UsageException>(() => Kubeconfig.Load(path));

        Assert.Contains(thrown.Faults, f => f.Contains(fault, StringComparison.Ordinal) && f.Contains(path, StringComparison.Ordinal));
    }
}

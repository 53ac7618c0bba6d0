using Gatehouse.Linux.Native;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>What only a client that checks revocation needs, and so no session of ours offers.</summary>
internal static unsafe class Staples
{
    public static void Ask(TlsSession session) => Assert.Equal(1, Libssl.Control(session.Ssl, Libssl.ControlStatusType, 1, null));

    public static byte[] Of(TlsSession session)
    {
        byte* response;
        var length = Libssl.Control(session.Ssl, Libssl.ControlStatusGet, 0, &response);
        return length > 0 ? new ReadOnlySpan<byte>(response, (int)length).ToArray() : [];
    }
}

/// <summary>OpenSSL's own responder, on files.</summary>
internal static class OcspResponder
{
    public static async Task<byte[]> AnswerAsync(TestAuthority authority, TestCertificate certificate)
    {
        using var folder = new TemporaryDirectory();
        string At(string name) => Path.Combine(folder.Path, name);
        await File.WriteAllTextAsync(At("ca.pem"), authority.Pem);
        await File.WriteAllTextAsync(At("ca.key"), authority.KeyPem);
        await File.WriteAllTextAsync(At("leaf.pem"), certificate.Chain);
        await File.WriteAllTextAsync(At("index"), $"V\t491231235959Z\t\t{certificate.Certificate.SerialNumber}\tunknown\t/CN=leaf\n");
        await ShellCommand.RequireAsync("openssl",
            ["ocsp", "-index", "index", "-rsigner", "ca.pem", "-rkey", "ca.key", "-CA", "ca.pem", "-issuer", "ca.pem", "-cert", "leaf.pem", "-respout", "response", "-ndays", "7"], folder.Path);
        return await File.ReadAllBytesAsync(At("response"));
    }
}

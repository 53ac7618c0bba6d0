using System.Text;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>What is told of a peer's certificate.</summary>
/// <param name="Subject">Its subject as RFC 2253 writes it.</param>
/// <param name="Sha256">The SHA-256 of its DER, in small hexadecimal digits.</param>
public sealed record TlsPeerCertificate(string Subject, string Sha256)
{
    internal static TlsPeerCertificate Of(nint certificate) =>
        new(Print(Libcrypto.SubjectName(certificate)), Convert.ToHexStringLower(Fingerprint(certificate)));

    internal static unsafe byte[] Fingerprint(nint certificate)
    {
        var digest = new byte[32];
        uint length;
        fixed (byte* start = digest)
        {
            OpenSslLibrary.Require(Libcrypto.Digest(certificate, Libcrypto.Sha256(), start, &length) == 1, "hashing a certificate");
        }

        return digest;
    }

    private static unsafe string Print(nint name)
    {
        // XN_FLAG_RFC2253: what is not ASCII comes escaped, so that the text may stand in a header field.
        const nuint rfc2253 = 0x0111_0317;
        var bio = Libcrypto.NewBio(Libcrypto.MemoryBioMethod());
        OpenSslLibrary.Require(bio != 0, "printing a name");
        _ = Libcrypto.PrintName(bio, name, 0, rfc2253);
        var text = new byte[(int)Libcrypto.BioPending(bio)];
        fixed (byte* start = text)
        {
            var count = Libcrypto.ReadBio(bio, start, text.Length);
            _ = Libcrypto.FreeBio(bio);
            return count > 0 ? Encoding.UTF8.GetString(text, 0, count) : "";
        }
    }
}

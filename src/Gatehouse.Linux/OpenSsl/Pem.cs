using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>Reads PEM from memory.</summary>
internal static unsafe class Pem
{
    /// <summary>More in one file are refused: the largest bundles of authorities have a few hundred.</summary>
    private const int MaxCertificates = 10_000;

    /// <summary>So that no text is empty: OpenSSL takes no null.</summary>
    private const string Ending = "\n";

    /// <summary>All certificates of a text, in its order; other blocks are passed over. The caller frees them.</summary>
    /// <exception cref="OpenSslException">There is none, or one is broken.</exception>
    public static List<nint> Certificates(string pem, string what)
    {
        List<nint> found = [];
        var bytes = Encoding.UTF8.GetBytes(pem + Ending);
        fixed (byte* start = bytes)
        {
            Libcrypto.ClearErrors();
            var bio = Libcrypto.NewMemoryBio(start, bytes.Length);
            OpenSslLibrary.Require(bio != 0, $"reading {what}");
            try
            {
                while (Libcrypto.ReadCertificate(bio, 0, PasswordFunction, null) is not 0 and var certificate)
                {
                    found.Add(certificate);
                    if (found.Count > MaxCertificates) throw new OpenSslException($"reading {what}: more than {MaxCertificates} certificates");
                }

                RequireEnd(found, what);
                return found;
            }
            catch
            {
                found.ForEach(Libcrypto.FreeCertificate);
                throw;
            }
            finally
            {
                _ = Libcrypto.FreeBio(bio);
            }
        }
    }

    /// <summary>The first private key of a text. The caller frees it.</summary>
    /// <param name="pem">The text.</param>
    /// <param name="certificate">The certificate that it belongs to: told the type, OpenSSL needs a quarter of the time.</param>
    /// <param name="what">What is read, for messages.</param>
    /// <exception cref="OpenSslException">There is none, it is encrypted, or it is broken.</exception>
    public static nint PrivateKey(string pem, nint certificate, string what)
    {
        var bytes = Encoding.UTF8.GetBytes(pem + Ending);
        try
        {
            fixed (byte* start = bytes)
            {
                Libcrypto.ClearErrors();
                var bio = Libcrypto.NewMemoryBio(start, bytes.Length);
                OpenSslLibrary.Require(bio != 0, $"reading {what}");
                var key = KeyOfType(bio, Libcrypto.PublicKey(certificate));
                _ = Libcrypto.FreeBio(bio);
                if (key != 0) return key;

                // A key of another type, or none at all: read without a type, it says what it is.
                Libcrypto.ClearErrors();
                bio = Libcrypto.NewMemoryBio(start, bytes.Length);
                OpenSslLibrary.Require(bio != 0, $"reading {what}");
                key = Libcrypto.ReadPrivateKey(bio, 0, PasswordFunction, null);
                _ = Libcrypto.FreeBio(bio);
                OpenSslLibrary.Require(key != 0, $"reading {what} (a PEM private key without a password)");
                return key;
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private static nint KeyOfType(nint bio, nint like)
    {
        if (like == 0) return 0;
        nint key = 0;
        fixed (byte* pem = "PEM\0"u8)
        {
            var decoder = Libcrypto.NewKeyDecoder(&key, pem, null, Libcrypto.KeyTypeName(like), Libcrypto.SelectKeyPair, 0, null);
            if (decoder == 0) return 0;
            _ = Libcrypto.SetDecoderPassword(decoder, PasswordFunction, null);
            _ = Libcrypto.Decode(decoder, bio);
            Libcrypto.FreeDecoder(decoder);
            return key;
        }
    }

    /// <summary>Without one of ours OpenSSL asks the terminal.</summary>
    private static void* PasswordFunction => (delegate* unmanaged[Cdecl]<byte*, int, int, void*, int>)&NoPassword;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int NoPassword(byte* buffer, int length, int writing, void* argument) => -1;

    /// <summary>The text ended where no further block begins; all else is a broken block.</summary>
    private static void RequireEnd(List<nint> found, string what)
    {
        const int pemLibrary = 9;
        const int noStartLine = 108;
        var error = Libcrypto.LastError();
        var ended = (error >> 23 & 0xFF) == pemLibrary && (error & 0x7F_FFFF) == noStartLine;
        if (ended && found.Count > 0)
        {
            Libcrypto.ClearErrors();
            return;
        }

        OpenSslLibrary.Require(false, found.Count == 0 && ended ? $"reading {what} (at least one PEM certificate)" : $"reading certificate {found.Count + 1} of {what}");
    }
}

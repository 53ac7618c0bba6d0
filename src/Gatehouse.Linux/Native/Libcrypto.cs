using System.Runtime.InteropServices;

namespace Gatehouse.Linux.Native;

/// <summary>libcrypto.so.3: what TLS needs beside libssl.</summary>
internal static unsafe partial class Libcrypto
{
    private const string Library = "libcrypto.so.3";

    public const int BioTypeSourceSink = 0x400;
    public const int BioFlagRead = 1;
    public const int BioFlagWrite = 2;
    public const int BioFlagShouldRetry = 8;
    public const int BioFlagsRetry = 15;
    public const int BioControlFlush = 11;

    public const int ExtraDataOfContext = 1;
    public const ulong StorePartialChain = 0x80000;
    public const uint HostNoPartialWildcards = 4;
    public const int SelectKeyPair = 0x87;

    [LibraryImport(Library, EntryPoint = "BIO_get_new_index")]
    public static partial int NewBioIndex();

    [LibraryImport(Library, EntryPoint = "BIO_meth_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint NewBioMethod(int type, string name);

    [LibraryImport(Library, EntryPoint = "BIO_meth_set_read")]
    public static partial int SetBioRead(nint method, void* function);

    [LibraryImport(Library, EntryPoint = "BIO_meth_set_write")]
    public static partial int SetBioWrite(nint method, void* function);

    [LibraryImport(Library, EntryPoint = "BIO_meth_set_ctrl")]
    public static partial int SetBioControl(nint method, void* function);

    [LibraryImport(Library, EntryPoint = "BIO_new")]
    public static partial nint NewBio(nint method);

    [LibraryImport(Library, EntryPoint = "BIO_free")]
    public static partial int FreeBio(nint bio);

    [LibraryImport(Library, EntryPoint = "BIO_set_init")]
    public static partial void SetBioReady(nint bio, int ready);

    [LibraryImport(Library, EntryPoint = "BIO_set_data")]
    public static partial void SetBioData(nint bio, void* data);

    // One load or store each: no transition is worth it.
    [LibraryImport(Library, EntryPoint = "BIO_get_data"), SuppressGCTransition]
    public static partial void* BioData(nint bio);

    [LibraryImport(Library, EntryPoint = "BIO_set_flags"), SuppressGCTransition]
    public static partial void SetBioFlags(nint bio, int flags);

    [LibraryImport(Library, EntryPoint = "BIO_clear_flags"), SuppressGCTransition]
    public static partial void ClearBioFlags(nint bio, int flags);

    [LibraryImport(Library, EntryPoint = "BIO_new_mem_buf")]
    public static partial nint NewMemoryBio(byte* bytes, int length);

    [LibraryImport(Library, EntryPoint = "BIO_s_mem")]
    public static partial nint MemoryBioMethod();

    [LibraryImport(Library, EntryPoint = "BIO_read")]
    public static partial int ReadBio(nint bio, byte* bytes, int length);

    [LibraryImport(Library, EntryPoint = "BIO_ctrl_pending")]
    public static partial nuint BioPending(nint bio);

    [LibraryImport(Library, EntryPoint = "PEM_read_bio_X509")]
    public static partial nint ReadCertificate(nint bio, nint into, void* password, void* argument);

    [LibraryImport(Library, EntryPoint = "PEM_read_bio_PrivateKey")]
    public static partial nint ReadPrivateKey(nint bio, nint into, void* password, void* argument);

    [LibraryImport(Library, EntryPoint = "OSSL_DECODER_CTX_new_for_pkey")]
    public static partial nint NewKeyDecoder(nint* key, byte* inputType, byte* inputStructure, byte* keyType, int selection, nint library, byte* properties);

    [LibraryImport(Library, EntryPoint = "OSSL_DECODER_from_bio")]
    public static partial int Decode(nint decoder, nint bio);

    [LibraryImport(Library, EntryPoint = "OSSL_DECODER_CTX_set_pem_password_cb")]
    public static partial int SetDecoderPassword(nint decoder, void* password, void* argument);

    [LibraryImport(Library, EntryPoint = "OSSL_DECODER_CTX_free")]
    public static partial void FreeDecoder(nint decoder);

    [LibraryImport(Library, EntryPoint = "X509_get0_pubkey")]
    public static partial nint PublicKey(nint certificate);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_get0_type_name")]
    public static partial byte* KeyTypeName(nint key);

    [LibraryImport(Library, EntryPoint = "X509_free")]
    public static partial void FreeCertificate(nint certificate);

    [LibraryImport(Library, EntryPoint = "X509_up_ref")]
    public static partial int KeepCertificate(nint certificate);

    [LibraryImport(Library, EntryPoint = "X509_check_private_key")]
    public static partial int CheckPrivateKey(nint certificate, nint key);

    [LibraryImport(Library, EntryPoint = "X509_get_subject_name")]
    public static partial nint SubjectName(nint certificate);

    [LibraryImport(Library, EntryPoint = "X509_NAME_print_ex")]
    public static partial int PrintName(nint bio, nint name, int indent, nuint flags);

    [LibraryImport(Library, EntryPoint = "X509_digest")]
    public static partial int Digest(nint certificate, nint type, byte* digest, uint* length);

    [LibraryImport(Library, EntryPoint = "X509_verify_cert_error_string")]
    public static partial byte* VerifyErrorText(nint error);

    [LibraryImport(Library, EntryPoint = "X509_VERIFY_PARAM_set1_ip_asc")]
    public static partial int SetVerifyAddress(nint parameters, byte* address);

    [LibraryImport(Library, EntryPoint = "X509_STORE_new")]
    public static partial nint NewStore();

    [LibraryImport(Library, EntryPoint = "X509_STORE_free")]
    public static partial void FreeStore(nint store);

    [LibraryImport(Library, EntryPoint = "X509_STORE_add_cert")]
    public static partial int AddToStore(nint store, nint certificate);

    [LibraryImport(Library, EntryPoint = "X509_STORE_set_default_paths")]
    public static partial int SetDefaultPaths(nint store);

    [LibraryImport(Library, EntryPoint = "X509_STORE_set_flags")]
    public static partial int SetStoreFlags(nint store, ulong flags);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    public static partial void FreePrivateKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_sha256")]
    public static partial nint Sha256();

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_fetch", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint FetchCipher(nint library, string name, nint properties);

    [LibraryImport(Library, EntryPoint = "EVP_EncryptInit_ex")]
    public static partial int BeginEncryption(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Library, EntryPoint = "EVP_DecryptInit_ex")]
    public static partial int BeginDecryption(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_CTX_set_params")]
    public static partial int SetMacParameters(nint context, OpenSslParameter* parameters);

    [LibraryImport(Library, EntryPoint = "RAND_bytes")]
    public static partial int RandomBytes(byte* bytes, int length);

    [LibraryImport(Library, EntryPoint = "CRYPTO_malloc")]
    public static partial void* Allocate(nuint length, nint file, int line);

    [LibraryImport(Library, EntryPoint = "CRYPTO_get_ex_new_index")]
    public static partial int NewExtraDataIndex(int kind, nint number, nint pointer, void* create, void* copy, void* free);

    [LibraryImport(Library, EntryPoint = "d2i_OCSP_RESPONSE")]
    public static partial nint DecodeOcspResponse(nint into, byte** bytes, nint length);

    [LibraryImport(Library, EntryPoint = "OCSP_response_status")]
    public static partial int OcspStatus(nint response);

    [LibraryImport(Library, EntryPoint = "OCSP_RESPONSE_free")]
    public static partial void FreeOcspResponse(nint response);

    [LibraryImport(Library, EntryPoint = "ERR_clear_error"), SuppressGCTransition]
    public static partial void ClearErrors();

    [LibraryImport(Library, EntryPoint = "ERR_peek_last_error")]
    public static partial ulong LastError();

    [LibraryImport(Library, EntryPoint = "ERR_get_error_all")]
    public static partial ulong TakeError(nint file, nint line, nint function, byte** data, int* flags);

    [LibraryImport(Library, EntryPoint = "ERR_reason_error_string")]
    public static partial byte* ReasonText(ulong error);
}

/// <summary>OSSL_PARAM (openssl/core.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OpenSslParameter
{
    public const uint Utf8 = 4;
    public const uint Octets = 5;

    public byte* Key;
    public uint Type;
    public void* Data;
    public nuint Size;
    public nuint Returned;
}

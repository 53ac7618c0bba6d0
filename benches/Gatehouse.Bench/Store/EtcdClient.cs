using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace Gatehouse.Bench.Store;

/// <summary>
/// The one call that the comparison needs, by gRPC: a transaction that puts a key if its last revision is the expected one. Messages by hand, from
/// etcd's rpc.proto; framing from https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
/// </summary>
internal sealed class EtcdClient(Uri endpoint, int connections) : IDisposable
{
    private const int FrameHead = 5;

    private readonly HttpClient[] _connections = [.. Enumerable.Range(0, connections).Select(_ => new HttpClient { BaseAddress = endpoint })];
    private int _next;

    public async Task<long> WriteAsync(string key, byte[] value, long expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/etcdserverpb.KV/Txn")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Frame(Transaction(ByteString.CopyFromUtf8(key), ByteString.CopyFrom(value), expected))),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        using var response = await _connections[(uint)Interlocked.Increment(ref _next) % connections].SendAsync(request);
        var body = await response.Content.ReadAsByteArrayAsync();
        if (!response.TrailingHeaders.TryGetValues("grpc-status", out var status) || status.Single() != "0")
        {
            throw new InvalidOperationException($"etcd: {response.StatusCode} {response.Headers} {response.TrailingHeaders}");
        }

        var (revision, succeeded) = ReadResponse(body.AsSpan(FrameHead).ToArray());
        return succeeded ? revision : throw new InvalidOperationException($"{key} conflicts");
    }

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Dispose();
    }

    // TxnRequest: compare = 1, success = 2, failure = 3.
    private static byte[] Transaction(ByteString key, ByteString value, long expected)
    {
        var compare = Message(o =>
        {
            // result = 1 is EQUAL, 0, left out.
            Number(o, field: 2, value: 2); // target = MOD
            Bytes(o, field: 3, key);
            Number(o, field: 6, expected); // mod_revision
        });
        var put = Message(o =>
        {
            Bytes(o, field: 1, key);
            Bytes(o, field: 2, value);
        });
        var range = Message(o => Bytes(o, field: 1, key));
        return Message(o =>
        {
            Bytes(o, field: 1, compare);
            Bytes(o, field: 2, Message(op => Bytes(op, field: 2, put))); // RequestOp.request_put
            Bytes(o, field: 3, Message(op => Bytes(op, field: 1, range))); // RequestOp.request_range
        }).ToByteArray();
    }

    // TxnResponse: header = 1 with revision = 3, succeeded = 2.
    private static (long Revision, bool Succeeded) ReadResponse(byte[] message)
    {
        var (revision, succeeded) = (0L, false);
        var input = new CodedInputStream(message);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (tag >> 3)
            {
                case 1:
                    var header = input.ReadBytes().CreateCodedInput();
                    while (header.ReadTag() is var field and not 0)
                    {
                        if (field >> 3 == 3) revision = header.ReadInt64();
                        else header.SkipLastField();
                    }

                    break;
                case 2:
                    succeeded = input.ReadBool();
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return (revision, succeeded);
    }

    private static byte[] Frame(byte[] message)
    {
        var frame = new byte[FrameHead + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame.AsSpan(FrameHead));
        return frame;
    }

    private static ByteString Message(Action<CodedOutputStream> write)
    {
        using var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true)) write(output);
        return UnsafeByteOperations.UnsafeWrap(buffer.ToArray());
    }

    private static void Number(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }

    private static void Bytes(CodedOutputStream output, int field, ByteString value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(value);
    }
}

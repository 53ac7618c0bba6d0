using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Management;

/// <summary>Reads the bodies of the management API. All faults of a body are reported together, under the names that the body uses. Pure.</summary>
internal sealed class ExposureRequest
{
    private static readonly string[] AddFields = ["exposed_port", "service_ip", "service_port", "protocol", "public_ip", "keep_client_ip", "drain_seconds"];
    private static readonly string[] DeleteFields = ["exposed_port", "protocol", "public_ip", "service_ip", "service_port"];

    private readonly List<Fault> _faults = [];
    private readonly JsonObject _body;

    private ExposureRequest(JsonObject body, string[] known)
    {
        _body = body;
        foreach (var (name, _) in body)
        {
            // A field that is misspelt would otherwise open more than was meant.
            if (!known.Contains(name, StringComparer.Ordinal)) _faults.Add(new Fault(name, "", $"unknown field; known are {string.Join(", ", known)}"));
        }
    }

    /// <summary>The body of <c>add</c> as a spec without gateway, or its faults.</summary>
    /// <exception cref="ApiStatusException">400: the body is no JSON object.</exception>
    public static (ExposureSpec? Spec, IReadOnlyList<Fault> Faults) ReadAdd(ReadOnlySpan<byte> body)
    {
        var request = Parse(body, AddFields);
        var spec = new ExposureSpec
        {
            Gateway = "this",
            Port = request.Number("exposed_port", required: true),
            ServiceAddress = request.Text("service_ip", required: true) ?? "",
            ServicePort = request.Number("service_port", required: true),
            Protocol = request.Protocol(),
            PublicAddress = request.Text("public_ip", required: false),
            KeepClientAddress = request.Flag("keep_client_ip"),
        };
        if (request._body["drain_seconds"] is not null) spec = spec with { DrainSeconds = request.Number("drain_seconds", required: false) };
        request.AddKindFaults(spec);
        return request._faults.Count == 0 ? (spec, []) : (null, request._faults);
    }

    /// <summary>The body of <c>delete</c>, or its faults.</summary>
    /// <exception cref="ApiStatusException">400: the body is no JSON object.</exception>
    public static (Api.Gateways.WithdrawRequest? Request, IReadOnlyList<Fault> Faults) ReadDelete(ReadOnlySpan<byte> body)
    {
        var request = Parse(body, DeleteFields);
        var withdraw = new Api.Gateways.WithdrawRequest
        {
            Port = request.Number("exposed_port", required: true),
            Protocol = request.Protocol(),
            PublicAddress = request.Text("public_ip", required: false),
            ServiceAddress = request.Text("service_ip", required: false),
            ServicePort = request._body["service_port"] is null ? null : request.Number("service_port", required: false),
        };
        request.AddAddressFault("public_ip", withdraw.PublicAddress);
        request.AddAddressFault("service_ip", withdraw.ServiceAddress);
        return request._faults.Count == 0 ? (withdraw, []) : (null, request._faults);
    }

    /// <summary>A refusal in the words of the management API: the object's field names become the body's.</summary>
    public static Status Translate(Status status)
    {
        if (status.Details?.Causes is not { Count: > 0 } causes) return status;
        List<StatusCause> translated = [.. causes.Select(c => c with { Field = NameOf(c.Field ?? ""), Message = Replace(c.Message, c.Field) })];
        return status with
        {
            Message = $"the exposure is invalid: {string.Join("; ", translated.Select(c => c.Message))}",
            Details = status.Details with { Causes = translated },
        };
    }

    private static string? Replace(string? message, string? field) =>
        message is not null && field is { Length: > 0 } && message.StartsWith(field, StringComparison.Ordinal) ? NameOf(field) + message[field.Length..] : message;

    private static string NameOf(string field) => field switch
    {
        "spec.port" => "exposed_port",
        "spec.serviceAddress" => "service_ip",
        "spec.servicePort" => "service_port",
        "spec.publicAddress" => "public_ip",
        "spec.drainSeconds" => "drain_seconds",
        "spec.protocol" => "protocol",
        _ => field,
    };

    private static ExposureRequest Parse(ReadOnlySpan<byte> body, string[] known)
    {
        return ForeignJson.TryReadObject(body, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false }, out var json, out var fault)
            ? new ExposureRequest(json, known)
            : throw new ApiStatusException(Statuses.Refused(StatusCodes.Status400BadRequest, StatusReason.BadRequest, $"the body {fault}"));
    }

    private void AddKindFaults(ExposureSpec spec)
    {
        foreach (var fault in Exposure.Info.Check(new Exposure { Spec = spec }))
        {
            var name = NameOf(fault.Field);
            if (!_faults.Exists(f => f.Field == name)) _faults.Add(new Fault(name, fault.Value, fault.Expected.Replace("spec.serviceAddress", "service_ip", StringComparison.Ordinal)));
        }
    }

    private void AddAddressFault(string field, string? value)
    {
        if (value is not null && !System.Net.IPAddress.TryParse(value, out _)) _faults.Add(new Fault(field, value, "must be an IPv4 or IPv6 address"));
    }

    private int Number(string name, bool required)
    {
        switch (_body[name])
        {
            case null:
                if (required) _faults.Add(new Fault(name, "", "is required"));
                return 0;
            case JsonValue value when value.TryGetValue<int>(out var number):
                if (name.EndsWith("_port", StringComparison.Ordinal) && number is < 1 or > 65_535) _faults.Add(new Fault(name, $"{number}", "must be between 1 and 65535"));
                return number;
            case var other:
                _faults.Add(new Fault(name, other.ToJsonString(), "must be a whole number"));
                return 0;
        }
    }

    private string? Text(string name, bool required)
    {
        switch (_body[name])
        {
            case null:
                if (required) _faults.Add(new Fault(name, "", "is required"));
                return null;
            case JsonValue value when value.TryGetValue<string>(out var text):
                if (required && text.Length == 0) _faults.Add(new Fault(name, "", "is required"));
                return text.Length == 0 ? null : text;
            case var other:
                _faults.Add(new Fault(name, other.ToJsonString(), "must be a text"));
                return null;
        }
    }

    private bool Flag(string name)
    {
        if (_body[name] is not { } node) return false;
        if (node is JsonValue value && value.TryGetValue<bool>(out var flag)) return flag;
        _faults.Add(new Fault(name, node.ToJsonString(), "must be true or false"));
        return false;
    }

    private Protocol Protocol()
    {
        var text = Text("protocol", required: false) ?? "TCP";
        if (text.Equals("TCP", StringComparison.OrdinalIgnoreCase)) return Objects.Kinds.Protocol.Tcp;
        if (text.Equals("UDP", StringComparison.OrdinalIgnoreCase)) return Objects.Kinds.Protocol.Udp;
        _faults.Add(new Fault("protocol", text, "must be TCP or UDP"));
        return Objects.Kinds.Protocol.Tcp;
    }
}

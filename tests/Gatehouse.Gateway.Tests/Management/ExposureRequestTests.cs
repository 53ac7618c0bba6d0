using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Gateway.Management;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Tests.Management;

public class ExposureRequestTests
{
    [Fact]
    public void ReadAdd_TheThreeFieldsOfTheTable_IsTcpWithDefaults()
    {
        var (spec, faults) = ReadAdd("""{"exposed_port":8080,"service_ip":"10.30.0.1","service_port":80}""");

        Assert.Empty(faults);
        Assert.Equal((8080, "10.30.0.1", 80, Protocol.Tcp, null, false, 60), (spec!.Port, spec.ServiceAddress, spec.ServicePort, spec.Protocol, spec.PublicAddress, spec.KeepClientAddress, spec.DrainSeconds));
    }

    [Fact]
    public void ReadAdd_AllFields_AreTaken()
    {
        var (spec, _) = ReadAdd("""{"exposed_port":53,"service_ip":"fdff:2000::1","service_port":5353,"protocol":"udp","public_ip":"2001:db8::1","keep_client_ip":true,"drain_seconds":0}""");

        Assert.Equal((Protocol.Udp, "2001:db8::1", true, 0), (spec!.Protocol, spec.PublicAddress, spec.KeepClientAddress, spec.DrainSeconds));
    }

    [Theory]
    [InlineData("{}", "exposed_port: is required")]
    [InlineData("{}", "service_ip: is required")]
    [InlineData("{}", "service_port: is required")]
    [InlineData("""{"exposed_port":"8080"}""", "exposed_port: '\"8080\"' is not valid: must be a whole number")]
    [InlineData("""{"exposed_port":80.5}""", "must be a whole number")]
    [InlineData("""{"exposed_port":0}""", "exposed_port: '0' is not valid: must be between 1 and 65535")]
    [InlineData("""{"exposed_port":65536}""", "must be between 1 and 65535")]
    [InlineData("""{"exposed_port":99999999999}""", "must be a whole number")]
    [InlineData("""{"service_ip":7}""", "service_ip: '7' is not valid: must be a text")]
    [InlineData("""{"service_ip":"10.31.0.1"}""", "service_ip: '10.31.0.1' is not valid: must be a service or instance address")]
    [InlineData("""{"service_ip":"10.30.0"}""", "service_ip: '10.30.0' is not valid: must be an IPv4 or IPv6 address")]
    [InlineData("""{"service_ip":"10.30.0.1","public_ip":"2001:db8::1"}""", "public_ip: '2001:db8::1' is not valid: must be an IPv4 address, as service_ip is")]
    [InlineData("""{"protocol":"sctp"}""", "protocol: 'sctp' is not valid: must be TCP or UDP")]
    [InlineData("""{"keep_client_ip":"yes"}""", "must be true or false")]
    [InlineData("""{"drain_seconds":-1}""", "drain_seconds: '-1'")]
    [InlineData("""{"pubic_ip":"192.0.2.1"}""", "pubic_ip: unknown field; known are exposed_port")]
    public void ReadAdd_Faulty_NamesFieldValueAndWhatWouldBeRight(string body, string expected)
    {
        var (spec, faults) = ReadAdd(body);

        Assert.Null(spec);
        Assert.Contains(faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "the body is no valid JSON")]
    [InlineData("{", "the body is no valid JSON")]
    [InlineData("""{"exposed_port":1,}""", "the body is no valid JSON: line 1, byte 19: The JSON object contains a trailing comma at the end which is not supported in this mode")]
    [InlineData("[]", "the body must be a JSON object, not an array")]
    [InlineData("null", "the body must be a JSON object, not null")]
    [InlineData("""{"exposed_port":1,"exposed_port":2}""", "the body is no valid JSON")]
    [InlineData("""{"service_ip":"\ud800"}""", "the body is no valid JSON: line 1, byte 16: \\ud800 is half of a surrogate pair")]
    public void Read_NoJsonObject_Is400AndSaysWhere(string body, string expected)
    {
        foreach (var read in (Action[])[() => ReadAdd(body), () => ExposureRequest.ReadDelete(Encoding.UTF8.GetBytes(body))])
        {
            var status = Assert.Throws<ApiStatusException>(read).Status;
            Assert.Equal(400, status.Code);
            Assert.StartsWith(expected, status.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ReadAdd_ManyFaults_EachFieldOnce()
    {
        var (_, faults) = ReadAdd("""{"exposed_port":0,"service_ip":"x","service_port":70000,"protocol":"icmp","keep_client_ip":1,"public_ip":"y"}""");

        Assert.Equal(["exposed_port", "keep_client_ip", "protocol", "public_ip", "service_ip", "service_port"], faults.Select(f => f.Field).Order());
    }

    [Fact]
    public void ReadDelete_ThePortAlone_MatchesBothFamilies()
    {
        var (request, faults) = ExposureRequest.ReadDelete("""{"exposed_port":8080}"""u8);

        Assert.Empty(faults);
        Assert.Equal((8080, Protocol.Tcp, null, null), (request!.Port, request.Protocol, request.PublicAddress, request.ServiceAddress));
    }

    [Theory]
    [InlineData("{}", "exposed_port: is required")]
    [InlineData("""{"exposed_port":1,"service_ip":"x"}""", "service_ip: 'x' is not valid")]
    [InlineData("""{"exposed_port":1,"public_ip":"x"}""", "public_ip: 'x' is not valid")]
    [InlineData("""{"exposed_port":1,"keep_client_ip":true}""", "keep_client_ip: unknown field")]
    [InlineData("""{"exposed_port":1,"service_port":true}""", "service_port: 'true' is not valid")]
    public void ReadDelete_Faulty_SaysWhat(string body, string expected) =>
        Assert.Contains(ExposureRequest.ReadDelete(Encoding.UTF8.GetBytes(body)).Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void The_documents_examples_are_taken()
    {
        var examples = TestKit.DocumentExamples.Json("docs/formats/management-api.md");

        Assert.Equal(2, examples.Count);
        Assert.Empty(ReadAdd(examples[0]).Faults);
        Assert.Empty(ExposureRequest.ReadDelete(Encoding.UTF8.GetBytes(examples[1])).Faults);
    }

    [Fact]
    public void Translate_TheClustersRefusal_SpeaksTheBodysWords()
    {
        var status = Statuses.Invalid(Exposure.Info, "e", [new Fault("spec.port", "22", "TCP 22 is reserved for SSH"), new Fault("spec.publicAddress", "x", "must be one")])!;

        var translated = ExposureRequest.Translate(status);

        Assert.Equal("the exposure is invalid: exposed_port: '22' is not valid: TCP 22 is reserved for SSH; public_ip: 'x' is not valid: must be one", translated.Message);
        Assert.Equal(["exposed_port", "public_ip"], translated.Details!.Causes!.Select(c => c.Field));
    }

    private static (ExposureSpec? Spec, IReadOnlyList<Fault> Faults) ReadAdd(string body) => ExposureRequest.ReadAdd(Encoding.UTF8.GetBytes(body));
}

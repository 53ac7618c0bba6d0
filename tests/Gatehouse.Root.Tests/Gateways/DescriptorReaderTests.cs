using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Root.Gateways;

namespace Gatehouse.Root.Tests.Gateways;

public class DescriptorReaderTests
{
    /// <summary>Oakestra's own example, with its comma before the closing bracket.</summary>
    public const string Example = """
        {
            "sla_version" : "v2.0",
            "customerID" : "Admin",
            "gateway" : {
                "gateway_ID" : "",
                "gateway_name" : "cluster-02-gw",
                "gateway_desc" : "Walhalla Cluster Gateway",
                "public_gateway_ips" : [
                    "131.159.24.1", "131.159.24.2", "131.159.24.3",
                ]
            },
            "cluster" : {
                "cluster_ID" : "6b19409123fa8ac88c139",
                "cluster_name" : "Walhalla"
            }
        }
        """;

    [Fact]
    public void Read_OakestrasExample_IsAcceptedAndTheCommaIsReported()
    {
        var reading = DescriptorReader.Read(Encoding.UTF8.GetBytes(Example));

        Assert.Empty(reading.Faults);
        Assert.Equal(["line 9: a comma before a closing bracket is not JSON; it was ignored"], reading.Warnings);
        var descriptor = reading.Descriptor!;
        Assert.Equal(("Admin", null, "cluster-02-gw", "Walhalla Cluster Gateway"), (descriptor.Customer, descriptor.GatewayId, descriptor.Name, descriptor.Description));
        Assert.Equal(["131.159.24.1", "131.159.24.2", "131.159.24.3"], descriptor.PublicAddresses);
        Assert.Equal(("6b19409123fa8ac88c139", "Walhalla"), (descriptor.ClusterId, descriptor.ClusterName));
    }

    public static TheoryData<string, string> Faulty => new()
    {
        { """{"sla_version":"v1.0"}""", "sla_version: 'v1.0' is not valid: must be v2.0" },
        { """{"sla_version":2}""", "sla_version: '2' is not valid: must be a text" },
        { """{}""", "sla_version: is required" },
        { """{}""", "gateway: is required" },
        { """{}""", "cluster: is required" },
        { """{"gateway":[]}""", "gateway: '[]' is not valid: must be an object" },
        { """{"cluster":"Walhalla"}""", "cluster: '\"Walhalla\"' is not valid: must be an object" },
        { """{"cluster":{}}""", "cluster: needs cluster_ID, cluster_name, or both" },
        { """{"cluster":{"cluster_ID":"","cluster_name":""}}""", "cluster: needs cluster_ID, cluster_name, or both" },
        { """{"cluster":{"cluster_name":7}}""", "cluster.cluster_name: '7' is not valid: must be a text" },
        { """{"customerID":{}}""", "customerID: '{}' is not valid: must be a text" },
        { """{"gateway":{}}""", "gateway.gateway_name: is required" },
        { """{"gateway":{"gateway_name":""}}""", "gateway.gateway_name: is required" },
        { """{"gateway":{"gateway_name":"Cluster 02 GW"}}""", "'cluster-02-gw' would do" },
        { """{"gateway":{"gateway_name":"a.b"}}""", "'a-b' would do" },
        { """{"gateway":{"gateway_name":"-"}}""", "must be a DNS label" },
        { """{"gateway":{"gateway_ID":"../x"}}""", "gateway.gateway_ID: '../x' is not valid" },
        { """{"gateway":{}}""", "gateway.public_gateway_ips: is required" },
        { """{"gateway":{"public_gateway_ips":[]}}""", "gateway.public_gateway_ips: needs at least one address" },
        { """{"gateway":{"public_gateway_ips":"192.0.2.1"}}""", "must be an array of addresses" },
        { """{"gateway":{"public_gateway_ips":["192.0.2.1",7]}}""", "gateway.public_gateway_ips[1]: '7' is not valid: must be a text" },
        { """{"gateway":{"public_gateway_ips":["192.0.2.300"]}}""", "gateway.public_gateway_ips[0]: '192.0.2.300' is not valid" },
        { """{"gateway":{"public_gateway_ips":["192.0.2.1","192.0.2.1"]}}""", "is in the list already, at gateway.public_gateway_ips[0]" },
        { """{"gateway":{"public_gateway_ips":["10.18.0.1"]}}""", "which the overlay uses" },
        { """{"sla_version":"v2.0","sla_version":"v2.0"}""", "sla_version: is given twice" },
        { """{"gateway":{"gateway_name":"a","gateway_name":"b"}}""", "gateway.gateway_name: is given twice" },
        { "", "the document is empty" },
        { " \r\n", "the document is empty" },
        { "[]", "must be a JSON object" },
        { "null", "must be a JSON object" },
        { "{", "is no valid JSON" },
        { """{"gateway":{"gateway_name":"\ud800"}}""", "half of a surrogate pair" },
        { """{"gateway":{"gateway_desc":"\ude00\ud83d"}}""", "half of a surrogate pair" },
        { """{"sla_version":"v2.0",,}""", "is no valid JSON" },
        { """{"sla_version":"v2.0"} trailing""", "is no valid JSON" },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public void Read_Faulty_NamesFieldValueAndWhatWouldBeRight(string document, string expected) =>
        Assert.Contains(DescriptorReader.Read(Encoding.UTF8.GetBytes(document)).Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void Read_EverythingWrong_IsAllInOneAnswer()
    {
        var reading = DescriptorReader.Read(Encoding.UTF8.GetBytes("""
            {"sla_version":"v9","customerID":1,"gateway":{"gateway_ID":"a b","gateway_name":"A B","public_gateway_ips":["127.0.0.1",true,"x","192.0.2.1","192.0.2.1"]},"cluster":{}}
            """));

        Assert.Equal(
            [
                "cluster", "customerID", "gateway.gateway_ID", "gateway.gateway_name", "gateway.public_gateway_ips[0]", "gateway.public_gateway_ips[1]",
                "gateway.public_gateway_ips[2]", "gateway.public_gateway_ips[4]", "sla_version",
            ],
            reading.Faults.Select(f => f.Field).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Read_UnknownFields_AreReportedWithWhatWasMeant()
    {
        var reading = DescriptorReader.Read(Encoding.UTF8.GetBytes(Example.Replace("\"customerID\"", "\"customerid\"", StringComparison.Ordinal)));

        Assert.Empty(reading.Faults);
        Assert.Contains("customerid: unknown field; it was ignored (it is written customerID)", reading.Warnings);
        Assert.Equal("Admin", reading.Descriptor!.Customer);
    }

    [Fact]
    public void Find_CommasInTexts_AreNoTrailingCommas() =>
        Assert.Equal([2, 4], TrailingCommas.Find(Encoding.UTF8.GetBytes("{\"a\":\",]\\\",}\",\n\"b\":[1,\n],\n\"c\":2,\n}")).Order());

    [Fact]
    public void Normalise_AnyText_IsValidOrEmpty() => Prop.ForAll<string>(text =>
    {
        var name = GatewayName.Normalise(text ?? "");
        return name.Length == 0 || GatewayName.IsValid(name);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Read_AnyCutOfTheExample_NeverThrowsAndNeverIsWhole()
    {
        var bytes = Encoding.UTF8.GetBytes(Example.TrimEnd());
        for (var length = 0; length < bytes.Length; length++) Assert.NotEmpty(DescriptorReader.Read(bytes.AsMemory(0, length)).Faults);
    }

    [Fact]
    public void Read_AnyFlippedByte_NeverThrows()
    {
        var source = Encoding.UTF8.GetBytes(Example);
        for (var i = 0; i < source.Length; i++)
        {
            var flipped = (byte[])source.Clone();
            flipped[i] ^= 0x55;
            Assert.NotNull(DescriptorReader.Read(flipped));
        }
    }
}

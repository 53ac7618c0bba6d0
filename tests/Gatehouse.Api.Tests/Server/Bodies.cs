namespace Gatehouse.Api.Tests.Server;

/// <summary>Paths and objects of the tests.</summary>
internal static class Bodies
{
    public const string Workers = "/apis/gatehouse.dev/v1/workers";
    public const string Interests = "/apis/gatehouse.dev/v1/interests";
    public const string Exposures = "/apis/gatehouse.dev/v1/exposures";
    public const string Leases = "/apis/coordination.k8s.io/v1/namespaces/gatehouse-workers/leases";

    public static string Worker(string name, string underlay = "192.0.2.1", string metadata = "") =>
        $$$"""{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"name":"{{{name}}}"{{{metadata}}}},"spec":{"underlay":"{{{underlay}}}"}}""";

    public static string Interest(string name, string holder, string query = "shop", string metadata = "") =>
        $$$"""{"apiVersion":"gatehouse.dev/v1","kind":"Interest","metadata":{"name":"{{{name}}}"{{{metadata}}}},"spec":{"holder":"{{{holder}}}","query":"{{{query}}}"}}""";

    public static string Lease(string name, string holder = "w1") =>
        $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{name}}}"},"spec":{"holderIdentity":"{{{holder}}}"}}""";
}

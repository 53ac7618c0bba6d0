using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server;

/// <summary>How a surface with a protocol of its own writes refusals, the server's too (401, 404, 429, 500). As metadata of an endpoint, or for a whole <see cref="SideListener"/>.</summary>
/// <param name="Write">Writes the answer; the status is complete.</param>
public sealed record RefusalShape(Func<HttpContext, Status, Task> Write);

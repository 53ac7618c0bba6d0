using System.CommandLine;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse demo</c>: a small HTTP service that says which instance of it answered, on which worker, and which client address it saw.</summary>
internal static class DemoCommand
{
    // Set by the node that runs the process.
    private const string ServiceVariable = "GATEHOUSE_SERVICE";
    private const string NumberVariable = "GATEHOUSE_INSTANCE";
    private const string WorkerVariable = "GATEHOUSE_WORKER";

    public static Command Create(HostContext host)
    {
        var port = new Option<int>("--port") { Description = "TCP port. Default 80.", DefaultValueFactory = _ => 80, HelpName = "PORT" };
        port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 65_535) result.AddError($"--port: '{result.Tokens[0].Value}' is not valid: 1 to 65535");
        });
        var instance = new Option<string?>("--instance") { Description = $"What it calls itself. Default: ${ServiceVariable}.${NumberVariable}.", HelpName = "NAME" };
        var worker = new Option<string?>("--worker") { Description = $"The worker that it names. Default: ${WorkerVariable}.", HelpName = "NAME" };
        var command = new Command("demo", "Serve HTTP and say who answers." + CommandParts.Examples + """
              gatehouse demo --port 8080 --instance web.0
              gatehouse deploy web --replicas 3          # runs it on workers
            """) { port, instance, worker };
        command.SetAction((parsed, cancellation) => ServeAsync(
            parsed.GetValue(port),
            parsed.GetValue(instance) ?? InstanceOf(host),
            parsed.GetValue(worker) ?? host.Variable(WorkerVariable) ?? Environment.MachineName,
            cancellation));
        return command;
    }

    private static string InstanceOf(HostContext host) =>
        host.Variable(ServiceVariable) is { } service && host.Variable(NumberVariable) is { } number ? $"{service}.{number}" : "demo";

    private static async Task<int> ServeAsync(int port, string instance, string worker, CancellationToken cancellation)
    {
        // Not the slim builder: it watches the working directory, with all below it, for a change of settings that nobody makes.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.IPv6Any, port));
        await using var app = builder.Build();
        app.Run(context => context.Response.WriteAsync(Answer(context, instance, worker), context.RequestAborted));
        await app.StartAsync(cancellation);
        await app.WaitForShutdownAsync(cancellation);
        return ExitCode.Ok;
    }

    private static string Answer(HttpContext context, string instance, string worker)
    {
        var client = context.Connection.RemoteIpAddress is { IsIPv4MappedToIPv6: true } mapped ? mapped.MapToIPv4() : context.Connection.RemoteIpAddress;
        return string.Create(CultureInfo.InvariantCulture, $"instance={instance} worker={worker} client={client} path={context.Request.Path}\n");
    }
}

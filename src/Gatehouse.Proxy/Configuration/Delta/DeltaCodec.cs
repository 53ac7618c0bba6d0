using System.Buffers;
using System.Text.Json;
using Gatehouse.Proxy.Configuration.Form;
using Gatehouse.Proxy.Configuration.Snapshot;

namespace Gatehouse.Proxy.Configuration.Delta;

/// <summary>A <see cref="ConfigDelta"/> as one line of JSON.</summary>
public static class DeltaCodec
{
    private const int MostItems = 100_000;

    private static readonly ConfigDelta Nothing = new();

    private static readonly Field<Move, string> MoveName = new("name", Shapes.Name, m => m.Name, "", "") { Required = true };
    private static readonly Field<Move, int> MoveIndex = new("index", new NumberShape<int>(0, MostItems), m => m.Index, 0, "") { Required = true };
    private static readonly ObjectShape<Move> MoveShape = new("move", "", [MoveName, MoveIndex], static v => new Move(MoveName.From(v), MoveIndex.From(v)));

    private static readonly Field<ConfigDelta, long> Base = new("base", new NumberShape<long>(0, long.MaxValue), d => d.Base, 0, "");
    private static readonly Field<ConfigDelta, long> Target = new("target", new NumberShape<long>(0, long.MaxValue), d => d.Target, 0, "");
    private static readonly Field<ConfigDelta, EngineSettings?> Engine = new("engine", ConfigForm.Engine!, d => d.Engine, null, "");
    private static readonly Field<ConfigDelta, AccessLog?> Log = new("accessLog", ConfigForm.Log!, d => d.AccessLog, null, "");
    private static readonly Field<ConfigDelta, SectionDelta<Listener>> Listeners = new("listeners", Section(ListenerForm.Shape), d => d.Listeners, Nothing.Listeners, "");
    private static readonly Field<ConfigDelta, SectionDelta<VirtualHost>> VirtualHosts = new("virtualHosts", Section(VirtualHostForm.Shape), d => d.VirtualHosts, Nothing.VirtualHosts, "");
    private static readonly Field<ConfigDelta, SectionDelta<UpstreamGroup>> Upstreams = new("upstreams", Section(UpstreamForm.Shape), d => d.Upstreams, Nothing.Upstreams, "");
    private static readonly Field<ConfigDelta, SectionDelta<Certificate>> Certificates = new("certificates", Section(CertificateForm.Shape), d => d.Certificates, Nothing.Certificates, "");

    private static readonly ObjectShape<ConfigDelta> Shape = new("delta", "", [Base, Target, Engine, Log, Listeners, VirtualHosts, Upstreams, Certificates], static v => new ConfigDelta
    {
        Base = Base.From(v),
        Target = Target.From(v),
        Engine = Engine.From(v),
        AccessLog = Log.From(v),
        Listeners = Listeners.From(v),
        VirtualHosts = VirtualHosts.From(v),
        Upstreams = Upstreams.From(v),
        Certificates = Certificates.From(v),
    });

    /// <summary>Writes it without line ends.</summary>
    public static void Write(IBufferWriter<byte> output, ConfigDelta delta)
    {
        using var json = new Utf8JsonWriter(output, ConfigJson.Compact);
        Shape.Write(json, delta);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <returns>Null: it is none, and why.</returns>
    public static (ConfigDelta? Delta, string? Problem) Read(ReadOnlySpan<byte> text)
    {
        try
        {
            var json = new Utf8JsonReader(text);
            json.Read();
            var delta = Shape.Read(ref json, new JsonState());
            return json.Read() ? (null, "something stands behind it") : (delta, null);
        }
        catch (Exception e) when (ConfigJson.IsForeign(e))
        {
            return (null, e.Message);
        }
    }

    private static ObjectShape<SectionDelta<T>> Section<T>(ObjectShape<T> item)
        where T : class, IEquatable<T>
    {
        var putItem = new Field<Put<T>, T?>("item", item!, p => p.Item, null, "") { Required = true };
        var putIndex = new Field<Put<T>, int>("index", new NumberShape<int>(0, MostItems), p => p.Index, -1, "");
        var put = new ObjectShape<Put<T>>("put", "", [putIndex, putItem], v => new Put<T>(putItem.From(v) ?? throw new FormatException("nothing is put"), putIndex.From(v)));
        var puts = new Field<SectionDelta<T>, EquatableArray<Put<T>>>("put", new ListShape<Put<T>>(put, MostItems), s => s.Puts, [], "");
        var removals = new Field<SectionDelta<T>, EquatableArray<string>>("remove", new ListShape<string>(Shapes.Name, MostItems), s => s.Removals, [], "");
        var moves = new Field<SectionDelta<T>, EquatableArray<Move>>("move", new ListShape<Move>(MoveShape, MostItems), s => s.Moves, [], "");
        return new ObjectShape<SectionDelta<T>>("section", "", [puts, removals, moves], v => new SectionDelta<T> { Puts = puts.From(v), Removals = removals.From(v), Moves = moves.From(v) });
    }
}

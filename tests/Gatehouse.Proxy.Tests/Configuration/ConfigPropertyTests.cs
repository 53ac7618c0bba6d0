using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Delta;
using Gatehouse.Proxy.Configuration.Snapshot;
using Gatehouse.Proxy.Configuration.Validation;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>What holds for every configuration.</summary>
public sealed class ConfigPropertyTests
{
    private static readonly ManualTimeProvider Time = new(Read.Now);

    [Fact]
    public void What_is_made_right_has_no_fault() => Prop.ForAll(RandomConfigs.Right, config =>
        Same(string.Empty, string.Join('\n', ConfigValidator.Check(config, Time).Faults))).QuickCheckThrowOnFailure();

    [Fact]
    public void A_snapshot_holds_all_of_it() => Prop.ForAll(RandomConfigs.Right, config =>
    {
        var bytes = SnapshotFile.Encode(config, 7);
        var (read, revision, problem) = SnapshotFile.Decode(bytes);
        return Same(null, problem) && Same(7L, revision) && Same(config, read) && bytes.SequenceEqual(SnapshotFile.Encode(read!, 7));
    }).QuickCheckThrowOnFailure();

    /// <summary>So a snapshot's second line is a file that a person can read, edit and load.</summary>
    [Fact]
    public void What_a_snapshot_holds_is_read_as_YAML_too() => Prop.ForAll(RandomConfigs.Right, config =>
    {
        var output = new ArrayBufferWriter<byte>();
        ConfigJson.Write(output, config, 0);
        var text = Encoding.UTF8.GetString(output.WrittenSpan).Replace("{\"revision\":0,", "{", StringComparison.Ordinal).Replace("{\"revision\":0}", "{}", StringComparison.Ordinal);
        return Same(config, Read.Right(text));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_delta_leads_from_any_configuration_to_any_other() => Prop.ForAll(RandomConfigs.Pairs, pair =>
    {
        var delta = ConfigDelta.Between(pair.From, pair.To, 3, 4);
        return Same(pair.To, ConfigDelta.Apply(pair.From, delta)) && Same(pair.From == pair.To, delta.IsEmpty);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_delta_leads_to_a_neighbour_and_leaves_what_is_the_same() => Prop.ForAll(RandomConfigs.Neighbours, pair =>
    {
        var (from, to) = pair;
        var applied = ConfigDelta.Apply(from, ConfigDelta.Between(from, to, 0, 1))!;
        return Same(to, applied) && applied.VirtualHosts.All(v => from.VirtualHosts.Contains(v) == from.VirtualHosts.Any(o => ReferenceEquals(o, v)));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_delta_survives_its_line() => Prop.ForAll(RandomConfigs.Neighbours, pair =>
    {
        var delta = ConfigDelta.Between(pair.From, pair.To, 3, 4);
        var output = new ArrayBufferWriter<byte>();
        DeltaCodec.Write(output, delta);
        var (read, problem) = DeltaCodec.Read(output.WrittenSpan);
        return Same(null, problem) && Same(delta, read) && !output.WrittenSpan.Contains((byte)'\n');
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_delta_for_another_base_is_refused_or_harmless() => Prop.ForAll(RandomConfigs.Pairs, RandomConfigs.Right, (pair, other) =>
    {
        var applied = ConfigDelta.Apply(other, ConfigDelta.Between(pair.From, pair.To, 3, 4));
        return applied is null || ConfigDelta.Apply(applied, ConfigDelta.Between(applied, pair.To, 4, 5)) == pair.To;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_left_of_a_broken_configuration_has_no_fault() => Prop.ForAll(RandomConfigs.Broken, config =>
    {
        var outcome = ConfigValidator.CheckLeniently(config, Time);
        var strict = ConfigValidator.Check(config, Time);
        return Same(string.Empty, string.Join('\n', ConfigValidator.Check(outcome.Config!, Time).Faults))
            && Same(strict.Faults.Count == 0, ReferenceEquals(outcome.Config, config)) && outcome.Faults.SequenceEqual(strict.Faults);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_fault_of_a_broken_configuration_says_where_it_is() => Prop.ForAll(RandomConfigs.Broken, config =>
        ConfigValidator.Check(config, Time).Faults.All(f => f.Path.Length > 0 && f.Message.Length > 0)).QuickCheckThrowOnFailure();

    private static bool Same<T>(T expected, T actual)
    {
        Assert.Equal(expected, actual);
        return true;
    }
}

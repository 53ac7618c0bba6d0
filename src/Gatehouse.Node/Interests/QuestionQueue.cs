using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Interests;

/// <summary>
/// The way of questions to the cluster. A lone one goes at once; those that come while requests are under way gather and go together, so that a burst of a hundred first
/// packets is a few requests.
/// </summary>
/// <remarks>Safe for any thread. As long as what waits for answers: slow path and exposures have their bounds.</remarks>
internal sealed class QuestionQueue(IObjectClient cluster, int requests)
{
    /// <summary>The most questions of one request: a burst of a hundred is shared by the requests that may run, so that both sides work at it at once.</summary>
    private const int MostTogether = 24;

    private readonly Lock _gate = new();
    private readonly Queue<Question> _waiting = new();
    private int _running;

    /// <summary>Creates an interest; the answer is the object as stored.</summary>
    /// <exception cref="ApiStatusException">The cluster refuses it.</exception>
    /// <exception cref="ApiUnreachableException">No answer.</exception>
    public Task<Interest> CreateAsync(Interest interest, CancellationToken cancellation)
    {
        var question = new Question(interest);
        lock (_gate)
        {
            _waiting.Enqueue(question);
            if (_running == requests) return question.Task.WaitAsync(cancellation);
            _running++;
        }

        _ = SendAsync();
        return question.Task.WaitAsync(cancellation);
    }

    /// <summary>Sends what waits until nothing does.</summary>
    private async Task SendAsync()
    {
        while (Take() is { Count: > 0 } together)
        {
            try
            {
                // Who asked may be gone by now; the answer comes by the watch as well.
                var outcomes = together.Count == 1
                    ? [new(await cluster.CreateAsync(together[0].Interest, CancellationToken.None), null)]
                    : await cluster.CreateManyAsync([.. together.Select(q => q.Interest)], CancellationToken.None);
                for (var i = 0; i < together.Count; i++) together[i].End(outcomes[i]);
            }
            catch (Exception fault)
            {
                // Each asker gets it, as if it had asked alone.
                foreach (var question in together) question.TrySetException(fault);
            }
        }
    }

    private List<Question> Take()
    {
        var together = new List<Question>();
        lock (_gate)
        {
            while (together.Count < MostTogether && _waiting.TryDequeue(out var question)) together.Add(question);
            if (together.Count == 0) _running--;
        }

        return together;
    }

    private sealed class Question(Interest interest) : TaskCompletionSource<Interest>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Interest Interest { get; } = interest;

        public void End(CreateOutcome<Interest> outcome)
        {
            if (outcome.Value is { } stored) TrySetResult(stored);
            else TrySetException(new ApiStatusException(outcome.Refusal!));
        }
    }
}

import { describe, expect, it } from 'vitest';
import { judgePod } from '../../../src/drivers/kubernetes/fault-judge.ts';
import { containers, multiAttach, setups, timedOut } from './fault-case-containers.ts';
import { images } from './fault-case-images.ts';
import { placement, refused, takenAway } from './fault-case-placement.ts';
import { at, event, exited, pod, startMs, unscheduled, waiting } from './pod-fixtures.ts';

const times = { nowMs: startMs + 30_000, unschedulableSinceMs: startMs, capacityTimeoutMs: 120_000 };

const image = (reason: string, message?: string) => pod({ mainStatus: { state: waiting(reason, message) } });

describe('judge of pods', () => {
  it.each([...placement, ...takenAway, ...refused, ...images, ...containers, ...setups])(
    'tells $name',
    ({ pod: view, events = [], fault, isTerminal, says }) => {
      const verdict = judgePod(view, events, times);
      expect(verdict).toMatchObject({ isTerminal });
      expect(verdict.fault).toBe(fault);
      expect(verdict.reason?.replace(/…$/, '')).toBe(says);
    },
  );

  it('gives up an unschedulable pod when the capacity time-out has passed, and says when that is', () => {
    const view = unscheduled('0/1 nodes are available: 1 Insufficient nvidia.com/gpu.');
    expect(judgePod(view, [], times)).toMatchObject({ isTerminal: false, dueInMs: 90_000 });
    const later = { ...times, nowMs: startMs + 120_000 };
    expect(judgePod(view, [], later)).toMatchObject({ isTerminal: true, dueInMs: null });
  });

  it('gives it up at once with a time-out of 0, and counts from now where it was not seen before', () => {
    const view = unscheduled('0/1 nodes are available: 1 Insufficient nvidia.com/gpu.');
    const first = { ...times, unschedulableSinceMs: null };
    expect(judgePod(view, [], { ...first, capacityTimeoutMs: 0 })).toMatchObject({ isTerminal: true });
    expect(judgePod(view, [], first)).toMatchObject({ isTerminal: false, dueInMs: 120_000 });
  });

  it('leaves ten seconds to whoever takes the gates away, whatever the time-out', () => {
    const view = pod({ spec: { schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }] } });
    const judge = (afterMs: number) =>
      judgePod(view, [], { nowMs: startMs + afterMs, unschedulableSinceMs: startMs, capacityTimeoutMs: 0 });
    expect(judge(9_000)).toMatchObject({ isTerminal: false, dueInMs: 1_000 });
    expect(judge(10_000)).toMatchObject({ isTerminal: true, fault: 'gated' });
  });

  it('says nothing of a ready pod, whatever was the matter before', () => {
    const view = pod({
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      mainStatus: { restartCount: 7, ready: true, state: { running: {} }, lastState: exited(1) },
    });
    expect(judgePod(view, [], times)).toEqual({ isTerminal: false, dueInMs: null });
  });

  it('says nothing of a pod that is on its way, nor of one that was asked to end', () => {
    const nothing = { isTerminal: false, dueInMs: null };
    expect(judgePod(pod(), [], times)).toEqual(nothing);
    expect(judgePod(pod({ mainStatus: { state: { running: {} } } }), [], times)).toEqual(nothing);
    const ending = pod({
      metadata: { deletionTimestamp: at(9) },
      mainStatus: { restartCount: 4, state: exited(1) },
    });
    expect(judgePod(ending, [], times)).toEqual(nothing);
  });

  it('takes the cause of a pull that backs off from its event where the status holds none', () => {
    const view = image('ImagePullBackOff', 'Back-off pulling image "acme/llama:v1"');
    const failure = event(
      'Failed',
      'Failed to pull image "acme/llama:v1": rpc error: code = NotFound desc = acme/llama:v1: not found',
      { involvedObject: { fieldPath: 'spec.containers{main}' } },
    );
    expect(judgePod(view, [], times)).toMatchObject({ isTerminal: false, fault: 'image' });
    expect(judgePod(view, [failure], times)).toMatchObject({ isTerminal: true, fault: 'image' });
  });

  it('takes the exit of a pod that was ready for the first one, however often it had exited before', () => {
    const crashed = (startedS: number) =>
      pod({
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(5_000) }],
        },
        mainStatus: {
          restartCount: 6,
          state: waiting('CrashLoopBackOff'),
          lastState: exited(1, { startedAt: at(startedS), finishedAt: at(startedS + 3) }),
        },
      });
    expect(judgePod(crashed(100), [], times)).toMatchObject({ isTerminal: false, fault: 'crash_loop' });
    expect(judgePod(crashed(5_001), [], times)).toMatchObject({ isTerminal: true, fault: 'crash_loop' });
  });

  it('does not blame an init container that has done its part', () => {
    const view = pod({
      spec: { initContainers: [{ name: 'weights' }] },
      status: {
        initContainerStatuses: [{ name: 'weights', restartCount: 3, state: exited(0), lastState: exited(1) }],
      },
      mainStatus: { state: { running: {} } },
    });
    expect(judgePod(view, [], times).reason).toBeUndefined();
  });

  it('tells the container whose start has failed before one that may still come on', () => {
    const view = pod({
      spec: { containers: [{ name: 'main' }, { name: 'helper' }] },
      status: {
        containerStatuses: [
          { name: 'main', restartCount: 0, state: exited(1) },
          { name: 'helper', restartCount: 0, state: waiting('ErrImageNeverPull', 'not present') },
        ],
      },
    });
    expect(judgePod(view, [], times)).toMatchObject({ fault: 'image', isTerminal: true });
  });

  it('names the cause rather than the sum of what is not mounted, and forgets a volume that was attached', () => {
    const sum = event('FailedMount', timedOut, { lastTimestamp: at(120) });
    const cause = event('FailedAttachVolume', multiAttach, { lastTimestamp: at(3) });
    const attached = event('SuccessfulAttachVolume', 'AttachVolume.Attach succeeded', {
      type: 'Normal',
      lastTimestamp: at(60),
    });
    expect(judgePod(pod(), [sum, cause], times).reason).toContain('Multi-Attach');
    expect(judgePod(pod(), [cause, attached], times).reason).toBeUndefined();
  });

  it('forgets volumes and network once they are there, and what was told of another pod', () => {
    const failure = event('FailedMount', 'MountVolume.SetUp failed for volume "weights" : busy');
    const mounted = pod({ status: { conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }] } });
    expect(judgePod(mounted, [failure], times).reason).toBeUndefined();
    const others = event('FailedMount', 'busy', { involvedObject: { uid: 'uid-2' } });
    expect(judgePod(pod(), [others], times).reason).toBeUndefined();
  });
});

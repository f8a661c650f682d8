import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import type { ReplicaStatus } from '../../../src/core/driver.ts';
import { StatusLog } from '../../conformance/status-log.ts';
import { KubeWorkload, podObject, podsPath } from '../../support/kube-workload.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Json = Record<string, unknown>;

const ended = (more: Json = {}) => ({ terminated: { exitCode: 3, reason: 'Error', ...more } });
const backOff = { waiting: { reason: 'CrashLoopBackOff' } };
const running = { running: {} };

async function begin(clock: Clock = systemClock) {
  const workload = await KubeWorkload.start({ isPlaying: false, replicas: 1, clock });
  const log = new StatusLog(workload.driver, workload.target);
  closers.push(
    () => workload.close(),
    () => log.stop(),
  );
  await log.find(({ isStale }) => isStale !== true);
  const { server } = workload;
  const crash = (name: string, status: Json, phase = 'Running') => {
    const pod = podObject(name, { ip: '198.18.0.5' });
    const uid = server.get(`${podsPath}/${name}`)?.metadata.uid;
    const container = { ...pod.status.containerStatuses[0], ready: false, ...status };
    server.put(`${podsPath}/${name}`, {
      ...pod,
      metadata: { ...pod.metadata, ...(uid === undefined ? {} : { uid }) },
      status: {
        ...pod.status,
        phase,
        conditions: [{ type: 'Ready', status: 'False' }],
        containerStatuses: [container],
      },
    });
  };
  const reads = () =>
    server.requests
      .filter(({ resource }) => resource === 'pods/log')
      .map(({ query }) => (query.get('previous') === 'true' ? 'previous' : 'current'));
  /** The first status in which the pod's reason is that. */
  const told = (reason: string) => log.find(({ replicas }) => replicas[0]?.reason === reason);
  return { workload, server, log, crash, reads, told };
}

const once = 'container "main" exited: exit code 3';
const again = 'container "main" exits again and again: exit code 3';

describe('the log of a container that crashes', () => {
  it('gives the reason its last line, and is read once for each exit, however often its pod changes', async () => {
    const { server, log, crash, reads, told } = await begin();
    server.logs.set('web-0', 'main', { previous: 'Loading\nfirst\n', current: 'Loading\n' });
    crash('web-0', { restartCount: 1, state: running, lastState: ended() });
    await told(`${once}: first`);
    crash('web-0', { restartCount: 1, state: running, lastState: ended(), started: false });
    server.logs.set('web-0', 'main', { previous: 'Loading\nsecond\n' });
    crash('web-0', { restartCount: 1, state: backOff, lastState: ended() });
    const exit = await log.exit();
    expect(exit).toMatchObject({ reason: `${again}: second`, fault: 'crash_loop' });
    crash('web-0', { restartCount: 2, state: running, lastState: ended() });
    crash('web-1', { restartCount: 0, state: running });
    await log.find(({ replicas }) => replicas.length === 2);
    expect(reads()).toEqual(['previous', 'previous']);
    const { query } = server.requests.find(({ resource }) => resource === 'pods/log')!;
    expect(Object.fromEntries(query)).toEqual({
      container: 'main',
      previous: 'true',
      tailLines: '4',
      limitBytes: '65536',
    });
  });

  it('is that of the current run where there was none before', async () => {
    const { server, crash, reads, told } = await begin();
    server.logs.set('web-0', 'main', { current: 'no CUDA device' });
    crash('web-0', { restartCount: 0, state: ended() });
    await told(`${once}: no CUDA device`);
    expect(reads()).toEqual(['previous', 'current']);
  });

  it('is read of a pod that does not start its container again', async () => {
    const { server, log, crash } = await begin();
    server.logs.set('web-0', 'main', { current: 'no CUDA device' });
    crash('web-0', { restartCount: 0, state: ended() }, 'Failed');
    expect((await log.exit()).reason).toBe('container "main" exited: exit code 3: no CUDA device');
  });

  it('is not that of the exit before where the current run has ended after a restart', async () => {
    const { server, log, crash, reads } = await begin();
    server.logs.set('web-0', 'main', { previous: 'first', current: 'second' });
    crash('web-0', { restartCount: 1, state: ended(), lastState: ended() });
    expect((await log.exit()).reason).toBe(`${again}: second`);
    expect(reads()).toEqual(['current']);
  });

  it.each([
    ['a termination message', { message: 'no CUDA device\n' }, 'exit code 3: no CUDA device'],
    ['the reason of the exit', { reason: 'OOMKilled', exitCode: 137 }, 'OOMKilled, exit code 137'],
  ])('is not asked for where %s says why', async (_name, exit, words) => {
    const { log, crash, reads } = await begin();
    crash('web-0', { restartCount: 1, state: backOff, lastState: ended(exit) });
    expect((await log.exit()).reason).toBe(`container "main" exits again and again: ${words}`);
    expect(reads()).toEqual([]);
  });

  it('is not asked for by a gateway that does not lead', async () => {
    const { workload, log, crash, reads } = await begin();
    workload.leadership.lose();
    crash('web-0', { restartCount: 1, state: backOff, lastState: ended() });
    expect((await log.exit()).reason).toBe(again);
    expect(reads()).toEqual([]);
  });

  it('is not asked for again where no Role grants it, which is told once and to no client', async () => {
    const { workload, server, log, crash, reads } = await begin();
    server.fault({ kind: 'forbid', verb: 'get', resource: 'pods/log' });
    crash('web-0', { restartCount: 1, state: backOff, lastState: ended() });
    expect((await log.exit()).reason).toBe(again);
    crash('web-1', { restartCount: 1, state: backOff, lastState: ended() });
    const isEach = ({ phase, reason }: ReplicaStatus) => phase === 'exited' && reason === again;
    await log.find(({ replicas }) => replicas.length === 2 && replicas.every(isEach));
    expect(reads()).toEqual(['previous']);
    expect(workload.unreadLogs).toMatchObject([{ namespace: 'llm', pod: 'web-0', isDenied: true }]);
    expect(String(workload.unreadLogs[0]!.error)).toContain('cannot get resource "pods/log"');
  });

  it('holds a failed start back for a second at most, when its node does not answer', async () => {
    const clock = new ManualClock();
    const { workload, server, log, crash } = await begin(clock);
    server.fault({ kind: 'hang', resource: 'pods/log' });
    const crashedAtMs = clock.nowMs();
    crash('web-0', { restartCount: 1, state: backOff, lastState: ended() });
    const phase = async () => {
      await clock.advance(1);
      const { reason, phase } = log.last.replicas[0] ?? {};
      return reason === again ? phase : null;
    };
    await expect.poll(phase).toBe('running');
    const heldFromMs = clock.nowMs();
    await clock.advance(crashedAtMs + 999 - heldFromMs);
    expect(log.last.replicas[0]?.phase).toBe('running');
    await clock.advance(heldFromMs - crashedAtMs);
    await expect.poll(() => log.last.replicas[0]).toMatchObject({ phase: 'exited', reason: again });
    await expect.poll(() => workload.unreadLogs).toMatchObject([{ isDenied: false }]);
  });

  it('does not bring a start back that has failed, when it exits once more', async () => {
    const { server, log, crash, reads, told } = await begin();
    server.logs.set('web-0', 'main', { previous: 'second' });
    crash('web-0', { restartCount: 1, state: backOff, lastState: ended() });
    await log.exit();
    const toldBefore = log.statuses.length;
    server.fault({ kind: 'delay', delayMs: 100, resource: 'pods/log' });
    server.logs.set('web-0', 'main', { previous: 'third' });
    crash('web-0', { restartCount: 2, state: backOff, lastState: ended() });
    await told(`${again}: third`);
    expect(reads()).toEqual(['previous', 'previous']);
    const phases = log.statuses.slice(toldBefore).map(({ replicas }) => replicas[0]?.phase);
    expect(new Set(phases)).toEqual(new Set(['exited']));
  });
});

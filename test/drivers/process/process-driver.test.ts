import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessBackend } from '../../../src/config/settings.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Driver, ScaleRequest, Target } from '../../../src/core/driver.ts';
import { createProcessDriver } from '../../../src/drivers/process/process-driver.ts';
import { describeDriver } from '../../conformance/driver.ts';
import { StatusLog } from '../../conformance/status-log.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import {
  idleScript,
  isAlive,
  parentScript,
  pidsOf,
  scriptTarget,
  serverScript,
  untilDead,
  untilLine,
} from './children.ts';

describeDriver('process', async () => ({
  driver: createProcessDriver({ clock: systemClock, ownerHash: 'conformance' }),
  target: scriptTarget(serverScript),
  runningFor: (desired) => desired,
  isOwner: true,
  dispose: async () => undefined,
}));

describe('process driver', () => {
  const signal = new AbortController().signal;
  let clock: ManualClock;
  let driver: Driver<ProcessBackend>;
  let faults: unknown[];
  let logs: StatusLog[];

  beforeEach(() => {
    clock = new ManualClock();
    faults = [];
    driver = createProcessDriver({ clock, ownerHash: 'test', onFault: (error) => faults.push(error) });
    logs = [];
  });
  afterEach(async () => {
    await driver.close();
    await Promise.all(logs.map((log) => log.stop()));
    expect(faults).toEqual([]);
  });

  const watch = (target: Target<ProcessBackend>) => {
    const log = new StatusLog(driver as Driver, target);
    logs.push(log);
    return log;
  };
  const start = async (target: Target<ProcessBackend>, request: ScaleRequest = { replicas: 1 }) => {
    const log = watch(target);
    await driver.scale(target, request, signal);
    return log;
  };
  const running = async (target: Target<ProcessBackend>) => {
    const log = await start(target);
    const [replica] = await log.settled(1);
    return { log, replica: replica!, line: (pattern: RegExp) => untilLine(() => replica!.output!, pattern) };
  };

  /** Resolves when a start begun now is over: by then one begun before has shown what it does. */
  const othersStart = async () => {
    const target = scriptTarget(serverScript);
    const other = createProcessDriver({ clock, ownerHash: 'other' });
    const log = new StatusLog(other as Driver, target);
    await other.scale(target, { replicas: 1 }, signal);
    await log.settled(1);
    await other.close();
    await log.stop();
  };

  it('fills {port} and {model} into the command and the environment', async () => {
    const script = `console.log([...process.argv.slice(1), process.env.HOST].join(' ')); ${idleScript}`;
    const { replica, line } = await running(scriptTarget(script, { env: { HOST: '{model}.local:{port}' } }));
    const port = new URL(replica.origin!).port;
    await line(new RegExp(`^${port} llama llama\\.local:${port}$`));
  });

  it('does not look for placeholders in what it filled in', async () => {
    const target = scriptTarget(`console.log('<' + process.argv[2] + '>'); ${idleScript}`);
    const { line } = await running({ ...target, model: '{port}$&' });
    await line(/^<\{port\}\$&>$/);
  });

  it('gives the child its own environment and the mark of its owner', async () => {
    const script = `console.log(process.env.PATH === ${JSON.stringify(process.env.PATH)}, process.env.PILOTLIGHT_OWNER); ${idleScript}`;
    const { line } = await running(scriptTarget(script));
    await line(new RegExp(`^true test:${process.pid}:[1-9][0-9]*$`));
  });

  it('runs the command in its directory', async () => {
    const { line } = await running(scriptTarget(`console.log(process.cwd()); ${idleScript}`, { cwd: '/' }));
    await line(/^\/$/);
  });

  it('tells the exit with its code and the last line of output, once, and starts nothing in its place', async () => {
    const log = await start(
      scriptTarget(`console.error('loading'); console.error('CUDA out of memory'); process.exit(3)`),
    );
    const exited = await log.exit();
    expect(exited.reason).toBe('exited with code 3: CUDA out of memory');
    expect(exited.output).toEqual(['loading', 'CUDA out of memory']);
    expect(exited.steps.map(({ name }) => name)).toEqual(['spawned']);
    await log.settled(0);
    expect(
      log.statuses.filter(({ replicas }) => replicas.some(({ phase }) => phase === 'exited')),
    ).toHaveLength(1);
    expect(log.last.failure).toBeUndefined();
  });

  it('tells the signal that killed it', async () => {
    const log = await start(
      scriptTarget(`process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000)`),
    );
    expect((await log.exit()).reason).toBe('killed by SIGSEGV');
  });

  it('has all output of a process that writes much and exits at once', async () => {
    const log = await start(scriptTarget(`require('fs').writeSync(1, 'x\\n'.repeat(5000) + 'the end')`));
    const { output } = await log.exit();
    expect(output).toHaveLength(200);
    expect(output?.at(-1)).toBe('the end');
  });

  it('starts a new replica, with a new id, at the next call after an exit', async () => {
    const target = scriptTarget(`process.exit(1)`);
    const log = await start(target);
    const first = await log.exit();
    await log.settled(0);
    const { length } = log.statuses;
    await driver.scale(target, { replicas: 1 }, signal);
    await log.find(
      (status) => log.statuses.indexOf(status) >= length && status.replicas[0]?.phase === 'exited',
    );
    const ids = new Set(log.statuses.flatMap(({ replicas }) => replicas.map(({ id }) => id)));
    expect(ids.size).toBe(2);
    expect(ids).toContain(first.id);
  });

  it.each<[string, Partial<ProcessBackend>, string]>([
    [
      'command',
      { command: ['no-such-server', '{port}'] },
      'cannot start "no-such-server": command not found',
    ],
    [
      'directory',
      { command: ['sleep', '9'], cwd: '/no/such/dir' },
      'cannot start "sleep": no directory /no/such/dir',
    ],
    ['executable file', { command: ['/'] }, 'cannot start "/": permission denied'],
    ['usable argument', { command: ['sleep', 'a\0b'] }, 'cannot start "sleep": '],
  ])('tells in one line that there is no such %s, until the next call', async (_, backend, reason) => {
    const log = await start(scriptTarget('', backend));
    const { failure } = await log.find((status) => status.failure !== undefined);
    expect(failure).toContain(reason);
    expect(failure).not.toContain('\n');
    expect((await log.exit()).reason).toBe(failure);
    await log.settled(0);
    await driver.scale(scriptTarget(serverScript), { replicas: 1 }, signal);
    await log.settled(1);
    expect(log.last.failure).toBeUndefined();
  });

  it('keeps an exit that nobody watched for the next watcher', async () => {
    const target = scriptTarget('', { command: ['no-such-server'] });
    const first = await start(target);
    await first.stop();
    const other = scriptTarget(serverScript);
    const log = await start({ ...other, id: 'other/default' });
    await log.settled(1);
    const late = watch(target);
    expect((await late.exit()).reason).toContain('command not found');
  });

  it('ends the named victims first, else the youngest', async () => {
    const target = scriptTarget(serverScript);
    const log = await start(target, { replicas: 3 });
    const [a, b, c] = (await log.settled(3)).map(({ id }) => id);
    await driver.scale(target, { replicas: 2, victims: [a!] }, signal);
    expect((await log.settled(2)).map(({ id }) => id)).toEqual([b, c]);
    await driver.scale(target, { replicas: 1 }, signal);
    expect((await log.settled(1)).map(({ id }) => id)).toEqual([b]);
  });

  it('asks with SIGTERM, and tells a stop as such', async () => {
    const target = scriptTarget(
      `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${idleScript}`,
    );
    const { log, line } = await running(target);
    await line(/^pid/);
    await driver.scale(target, { replicas: 0 }, signal);
    const exited = await log.exit();
    expect(exited).toMatchObject({ reason: 'stopped', origin: expect.stringContaining('127.0.0.1') });
    expect(exited.output?.at(-1)).toBe('bye');
    expect(log.statuses.some(({ replicas }) => replicas[0]?.phase === 'stopping')).toBe(true);
  });

  it('lets one that a signal has stopped go on, so that it can end in order', async () => {
    const target = scriptTarget(
      `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${idleScript}`,
    );
    const { log, line } = await running(target);
    const pid = Number((await line(/^pid (\d+)/))[1]);
    process.kill(-pid, 'SIGSTOP');
    await driver.scale(target, { replicas: 0 }, signal);
    await line(/^bye$/);
    await log.settled(0);
    expect(isAlive(pid)).toBe(false);
  });

  it('kills one that ignores SIGTERM when its grace has passed, not before', async () => {
    const target = scriptTarget(`process.on('SIGTERM', () => console.log('ignored')); ${idleScript}`);
    const { log, line, replica } = await running(target);
    const pid = Number((await line(/^pid (\d+)/))[1]);
    expect(replica.pid).toBe(pid);
    await driver.scale(target, { replicas: 0 }, signal);
    await line(/^ignored$/);
    await clock.advance(9_999);
    expect(isAlive(pid)).toBe(true);
    await clock.advance(1);
    await log.settled(0);
    expect(isAlive(pid)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it('kills what is left of the group when its leader has exited', async () => {
    const { log, line } = await running(
      scriptTarget(`${parentScript} process.stdin.resume(); setTimeout(() => process.exit(0), 300)`),
    );
    const grandchild = Number((await line(/^pids \d+ (\d+)/))[1]);
    await log.exit();
    await untilDead(grandchild);
  });

  it('does not wait for ever for the output of one that left the group, and ends it when closed', async () => {
    const script = `
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'inherit' });
      child.once('spawn', () => { console.log('escaped ' + child.pid); child.unref(); process.exit(4); });`;
    const { log, line } = await running(scriptTarget(script));
    const escaped = Number((await line(/^escaped (\d+)/))[1]);
    while (clock.pendingTimers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await clock.advance(1_000);
    expect((await log.exit()).reason).toContain('exited with code 4');
    expect(isAlive(escaped)).toBe(true);
    await driver.close();
    expect(isAlive(escaped)).toBe(false);
  });

  it('starts the next only when the one that is ending is gone', async () => {
    const target = scriptTarget(`process.on('SIGTERM', () => console.log('ignored')); ${idleScript}`);
    const { log, replica, line } = await running(target);
    await line(/^pid/);
    await driver.scale(target, { replicas: 0 }, signal);
    await line(/^ignored$/);
    await driver.scale(target, { replicas: 1 }, signal);
    await othersStart();
    expect(log.last.replicas.map(({ phase, origin }) => [phase, origin])).toEqual([
      ['stopping', replica.origin],
      ['starting', null],
    ]);
    await clock.advance(10_000);
    const [next] = await log.settled(1);
    expect(next?.id).not.toBe(replica.id);
  });

  it('leaves nothing when it is closed while a start is in progress', async () => {
    const target = scriptTarget(idleScript);
    const log = watch(target);
    const controller = new AbortController();
    const scaling = driver.scale(target, { replicas: 3 }, controller.signal);
    controller.abort();
    await driver.close();
    await scaling;
    await log.settled(0);
    await othersStart();
    expect(pidsOf('test')).toEqual([]);
    expect(log.statuses.every(({ replicas }) => replicas.every(({ phase }) => phase !== 'running'))).toBe(
      true,
    );
    await expect(driver.scale(target, { replicas: 1 }, signal)).rejects.toThrow(/closed/);
  });

  it('closes only when a child that was just spawned is gone', async () => {
    const { line } = await running(scriptTarget(idleScript));
    const pid = Number((await line(/^pid (\d+)/))[1]);
    await driver.close();
    expect(isAlive(pid)).toBe(false);
  });

  it('leaves the replicas of another driver in this process alone when it is closed', async () => {
    await start(scriptTarget(serverScript));
    const other = createProcessDriver({ clock, ownerHash: 'test' });
    const log = new StatusLog(other as Driver, scriptTarget(parentScript));
    try {
      await other.scale(scriptTarget(parentScript), { replicas: 1 }, signal);
      const [replica] = await log.settled(1);
      const [, leader, worker] = await untilLine(() => replica!.output!, /^pids (\d+) (\d+)/);
      await driver.close();
      expect([leader, worker].map(Number).map(isAlive)).toEqual([true, true]);
    } finally {
      await other.close();
      await log.stop();
    }
  });

  it('tells changes made by a watcher after it has returned, and reports one that throws', async () => {
    const target = scriptTarget(serverScript);
    const controller = new AbortController();
    let depth = 0;
    let maxDepth = 0;
    const watching = driver.watch(
      target,
      ({ replicas }) => {
        maxDepth = Math.max(maxDepth, ++depth);
        if (replicas.length === 0) void driver.scale(target, { replicas: 1 }, signal);
        depth -= 1;
        if (replicas[0]?.phase === 'running') controller.abort();
        throw new Error('watcher');
      },
      controller.signal,
    );
    await watching;
    expect(maxDepth).toBe(1);
    expect(faults.length).toBeGreaterThanOrEqual(2);
    expect(String(faults[0])).toContain('watcher');
    faults.length = 0;
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RungCheck, RungSettings } from '../../src/config/rung-settings.ts';
import { isStopped } from '../../src/ladder/group-signal.ts';
import { HookSleeper } from '../../src/ladder/hook-sleeper.ts';
import { isAlive, untilDead } from '../drivers/process/children.ts';
import { run, rung } from './rungs.ts';

const signal = new AbortController().signal;
const down = { from: null, to: 0 } as const;
const origin = 'http://127.0.0.1:8123';

function sleeper(...rungs: RungSettings[]): HookSleeper {
  return new HookSleeper({ model: 'org/llama', rungs: () => rungs, headers: () => ({}) });
}

describe('rungs taken by commands', () => {
  let folder: string;
  const at = { id: 'a', origin, pid: 4_321 };
  const taken = (...steps: ReturnType<typeof run>[]) => sleeper(rung(steps, [])).sleep(at, down, signal);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ladder-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are run in order without a shell, with {pid}, {port}, {model} and {origin} filled in', async () => {
    const log = join(folder, 'log');
    const script = `require('fs').appendFileSync(process.argv[1], process.argv.slice(2).join(' ') + '\\n')`;
    await taken(
      run(script, { words: [log, '{pid}', '{port}', '{model}', '{origin}'] }),
      run(script, { words: [log, '$HOME', '--port={port}', '{other}'] }),
    );
    expect(readFileSync(log, 'utf8')).toBe(`4321 8123 org/llama ${origin}\n$HOME --port=8123 {other}\n`);
  });

  it.each([
    [
      'exits with a code',
      run('console.log("a"); console.error("no such\\n\\n"); process.exitCode = 3'),
      /: exited with code 3: no such$/,
    ],
    ['says nothing', run('process.exit(1)'), /: exited with code 1$/],
    [
      'is killed',
      run('process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)'),
      /: killed by SIGTERM$/,
    ],
    [
      'takes too long',
      run('console.log("waiting"); setInterval(() => {}, 1000)', { timeoutMs: 1_000 }),
      /: killed after 1000 ms: waiting$/,
    ],
    [
      'does not exist',
      { kind: 'command', command: ['no-such-program-here'], timeoutMs: 1_000 } as const,
      /^no-such-program-here: command not found$/,
    ],
    [
      'may not be run',
      { kind: 'command', command: ['/proc/version'], timeoutMs: 1_000 } as const,
      /^\/proc\/version: EACCES$/,
    ],
  ])('fail with one that %s', async (_, step, message) => {
    await expect(sleeper(rung([step], [])).sleep(at, down, signal)).rejects.toThrow(message);
  });

  it('fail with a placeholder that is not known of the replica', async () => {
    const lacking = { ...at, pid: null };
    const step = run('', { words: ['{pid}'] });
    await expect(sleeper(rung([step], [])).sleep(lacking, down, signal)).rejects.toThrow(
      /: \{pid\} is not known$/,
    );
  });

  it('are killed with all that they started, past their time and when they are given up', async () => {
    const file = join(folder, 'pids');
    const script = `
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
      child.once('spawn', () => require('fs').writeFileSync(process.argv[1], process.pid + ' ' + child.pid));
      setInterval(() => {}, 1000);
    `;
    const step = run(script, { words: [file], timeoutMs: 60_000 });
    const giveUp = new AbortController();
    const ended = sleeper(rung([step], [])).sleep(at, down, giveUp.signal);
    ended.catch(() => undefined);
    const pids = await untilWritten(file);
    giveUp.abort(new Error('enough'));
    await expect(ended).rejects.toThrow(/^enough$/);
    await Promise.all(pids.map(untilDead));
  });

  it('end with the program, whoever it left behind that holds its output', async () => {
    const script = `
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit', detached: true });
      child.unref();
      require('fs').writeFileSync(process.argv[1], String(child.pid));
    `;
    const file = join(folder, 'pid');
    await taken(run(script, { words: [file] }));
    const [pid = 0] = await untilWritten(file);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  describe('with a check', () => {
    /** Like cuda-checkpoint: one command for both ways, another that tells the state. */
    const toggle = `
      const fs = require('fs');
      const [, file] = process.argv;
      fs.writeFileSync(file, fs.readFileSync(file, 'utf8') === 'running' ? 'checkpointed' : 'running');
    `;
    const check = (file: string): RungCheck => {
      const script = `console.log(require('fs').readFileSync(process.argv[1], 'utf8'))`;
      const { command, timeoutMs } = run(script, { words: [file] });
      return { ask: { kind: 'command', command }, asleep: 'checkpointed', timeoutMs };
    };

    it('tell the state by what the command prints, and switch nobody back to sleep', async () => {
      const file = join(folder, 'state');
      writeFileSync(file, 'running');
      const step = run(toggle, { words: [file] });
      const rungs = sleeper(rung([step], [step], check(file)));
      expect(await rungs.rungOf(at, signal)).toBeNull();
      await rungs.sleep(at, down, signal);
      expect(await rungs.rungOf(at, signal)).toBe(0);
      await rungs.wake(at, 0, signal);
      await rungs.wake(at, 0, signal);
      expect(readFileSync(file, 'utf8')).toBe('running');
    });

    it('tell no rung where the command fails', async () => {
      const step = run(toggle);
      expect(await sleeper(rung([step], [step], check(join(folder, 'none')))).rungOf(at, signal)).toBeNull();
    });
  });
});

describe.runIf(process.platform === 'linux')('rungs taken by signals', () => {
  let child: ChildProcess;
  let pids: number[];
  const freeze = sleeper(
    rung([{ kind: 'signal', signal: 'stop' }], [{ kind: 'signal', signal: 'continue' }]),
  );
  const at = () => ({ id: 'a', origin, pid: child.pid! });

  beforeEach(async () => {
    const script = `
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      child.once('spawn', () => console.log(child.pid));
    `;
    child = spawn(process.execPath, ['-e', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    pids = [child.pid!, Number(line)];
  });
  afterEach(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      process.kill(-child.pid!, 'SIGKILL');
      await exited;
    }
  });

  /** The state of each process of the group, when it is the same for all. */
  const untilAll = async (stopped: boolean) => {
    while (pids.some((pid) => isStopped(pid) !== stopped))
      await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('stop the whole group and let it go on', async () => {
    await freeze.sleep(at(), down, signal);
    await untilAll(true);
    expect(await freeze.rungOf(at(), signal)).toBe(0);
    await freeze.wake(at(), 0, signal);
    await untilAll(false);
    expect(await freeze.rungOf(at(), signal)).toBeNull();
  });

  it('fail when the process has gone, or is not known', async () => {
    const gone = at();
    const exited = once(child, 'exit');
    process.kill(-gone.pid, 'SIGKILL');
    await exited;
    await expect(freeze.sleep(gone, down, signal)).rejects.toThrow(`SIGSTOP: no process ${gone.pid}`);
    await expect(freeze.wake(gone, 0, signal)).rejects.toThrow(`SIGCONT: no process ${gone.pid}`);
    expect(await freeze.rungOf(gone, signal)).toBeNull();
    await expect(freeze.sleep({ ...gone, pid: null }, down, signal)).rejects.toThrow(
      'SIGSTOP: its process is not known',
    );
  });
});

/** The numbers in a file, once it is there. */
async function untilWritten(file: string): Promise<number[]> {
  for (;;) {
    try {
      const text = readFileSync(file, 'utf8');
      if (text !== '') return text.split(' ').map(Number);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

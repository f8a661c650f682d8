import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Credentials, makeCredentials, nodeAddress } from './credentials.ts';
import { etcdUrl, flagsByProgram, podRange, serviceRange } from './flags.ts';

type Program = keyof ReturnType<typeof flagsByProgram>;

const startDeadlineMs = 60_000;
const pollMs = 25;

/** Makes the addresses of pods and Services local to the namespace's loopback. */
export function layNetwork(): void {
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  ip('link', 'set', 'lo', 'up');
  ip('addr', 'replace', `${nodeAddress}/32`, 'dev', 'lo');
  for (const range of [podRange, serviceRange]) ip('route', 'replace', 'local', range, 'dev', 'lo');
}

/** Whether an https address answers 200; no certificate is checked: all is in the namespace. */
async function isHealthy(url: string, agent: Agent): Promise<boolean> {
  return await new Promise((resolve) => {
    const request = get(url, { agent, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

/** The real control plane, as children of this process. Logs are in `folder`, one a program. */
export class ControlPlane {
  readonly credentials: Credentials;
  readonly #kubebox: string;
  readonly #folder: string;
  readonly #children = new Map<Program, ChildProcess>();

  constructor(kubebox: string, folder: string) {
    this.#kubebox = kubebox;
    this.#folder = folder;
    this.credentials = makeCredentials(folder);
  }

  /** Starts all four; resolves when they are healthy. Rejects, with the log's end, when one ends or takes a minute. */
  async start(): Promise<void> {
    this.#spawn('etcd');
    await this.startApiserver();
  }

  /**
   * Starts the API server, and its controllers and scheduler anew: left alone, they come back after a minute of back-off.
   * Resolves when all are healthy.
   */
  async startApiserver(): Promise<void> {
    this.#spawn('kube-apiserver');
    await this.#healthy('kube-apiserver', `https://${nodeAddress}:6443/readyz`);
    for (const program of ['kube-controller-manager', 'kube-scheduler'] as const) {
      await this.#kill(program);
      this.#spawn(program);
    }
    await this.#healthy('kube-controller-manager', 'https://127.0.0.1:10257/healthz');
    await this.#healthy('kube-scheduler', 'https://127.0.0.1:10259/healthz');
  }

  /** Kills the API server at once: its watches are reset. Resolves when it is gone. */
  async killApiserver(): Promise<void> {
    await this.#kill('kube-apiserver');
  }

  /** Forgets the history of etcd up to now; resolves with the revision. */
  async compactEtcd(): Promise<number> {
    const post = async (path: string, body: object): Promise<unknown> => {
      const response = await fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
      return await response.json();
    };
    const range = (await post('/v3/kv/range', { key: 'AA==' })) as { header: { revision: string } };
    const { revision } = range.header;
    await post('/v3/kv/compaction', { revision, physical: true });
    return Number(revision);
  }

  /** Kills all that runs; resolves when it is gone. */
  async close(): Promise<void> {
    await Promise.all([...this.#children.keys()].map((program) => this.#kill(program)));
  }

  #spawn(program: Program): void {
    if (this.#children.has(program)) throw new Error(`${program} runs already`);
    const log = openSync(join(this.#folder, `${program}.log`), 'a');
    const flags = flagsByProgram(this.#folder, this.credentials)[program];
    const child = spawn(this.#kubebox, [program, ...flags], { stdio: ['ignore', log, log] });
    this.#children.set(program, child);
  }

  async #kill(program: Program): Promise<void> {
    const child = this.#children.get(program);
    if (child === undefined) return;
    this.#children.delete(program);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async #healthy(program: Program, url: string): Promise<void> {
    const agent = new Agent({ rejectUnauthorized: false });
    const deadlineMs = performance.now() + startDeadlineMs;
    try {
      while (!(await isHealthy(url, agent))) {
        const child = this.#children.get(program)!;
        const hasEnded = child.exitCode !== null || child.signalCode !== null;
        if (hasEnded || performance.now() > deadlineMs) {
          const log = readFileSync(join(this.#folder, `${program}.log`), 'utf8').slice(-4_000);
          throw new Error(`${program} ${hasEnded ? 'ended' : 'is not healthy after a minute'}:\n${log}`);
        }
        await pause(pollMs);
      }
    } finally {
      agent.destroy();
    }
  }
}

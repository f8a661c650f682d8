import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { chat } from '../../support/gateway.ts';
import { mustKubectl } from './kubectl.ts';

const main = new URL('../../../src/main.ts', import.meta.url).pathname;

/** How a gateway is started beside the control plane. */
export interface ChildGatewayOptions {
  /** Its own. */
  readonly namespace: string;
  /** A service account of that namespace; absent: the administrator. */
  readonly account?: string;
  /** Where it finds the API server, whose certificate it then does not check; absent: as the administrator does. */
  readonly server?: string;
  /** YAML below `kubernetes:`, in flow style without braces: `lease: { duration: 3s }`. */
  readonly kubernetes?: string;
  /** YAML below `models:`, indented by two. */
  readonly models?: string;
  /** Of `server.drain`; default 20s. */
  readonly drain?: string;
  /** Milliseconds that its wall clock is ahead. */
  readonly aheadMs?: number;
}

/** A line of its log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What /readyz says. */
export interface Readiness {
  readonly code: number;
  readonly status: string;
}

/** The error of an answer, in the dialect of OpenAI. */
export interface ErrorAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** `pilotlight serve` as a process of its own, which reaches the cluster by a kubeconfig. */
export class ChildGateway {
  readonly child: ChildProcess;
  readonly log: LogLine[] = [];
  /** Resolves when it has ended, with its exit code; null: by a signal. */
  readonly exit: Promise<number | null>;
  url = '';
  adminUrl = '';
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.#folder = folder;
    this.exit = once(child, 'close').then(([code]) => code as number | null);
    createInterface(child.stdout!).on('line', (line) => this.log.push(JSON.parse(line) as LogLine));
  }

  /** Starts it and resolves when it listens; rejects with what it said when it ends before. */
  static async start(options: ChildGatewayOptions): Promise<ChildGateway> {
    const folder = mkdtempSync(join(tmpdir(), 'pilotlight-child-'));
    const config = join(folder, 'pilotlight.yaml');
    writeFileSync(config, configOf(options, writeKubeconfig(folder, options)));
    const { aheadMs = 0 } = options;
    const shift = new URL('shifted-clock.ts', import.meta.url).pathname;
    const preload = aheadMs === 0 ? [] : ['--import', shift];
    const child = spawn(process.execPath, [...preload, main, 'serve', '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CLOCK_AHEAD_MS: String(aheadMs) },
    });
    const gateway = new ChildGateway(child, folder);
    let said = '';
    for await (const line of createInterface(child.stderr!)) {
      said += `${line}\n`;
      const [, url, adminUrl] = /^Pilotlight listens on (\S+?),? .*admin on (\S+)$/.exec(line) ?? [];
      if (url === undefined || adminUrl === undefined) continue;
      Object.assign(gateway, { url, adminUrl });
      child.stderr!.resume();
      return gateway;
    }
    throw new Error(`serve ended: ${said}`);
  }

  async ready(): Promise<Readiness> {
    const response = await fetch(`${this.adminUrl}/readyz`);
    return { code: response.status, status: ((await response.json()) as { status: string }).status };
  }

  /** Resolves when it admits requests. */
  async leads(): Promise<void> {
    await expect.poll(() => this.ready()).toEqual({ code: 200, status: 'ready' });
  }

  /** Sends a chat request; `more` goes into its body. */
  ask(model: string, more: object = {}): Promise<Response> {
    return fetch(`${this.url}/v1/chat/completions`, chat(model, more));
  }

  /** Sends a chat request that is refused. */
  async askError(model: string): Promise<ErrorAnswer> {
    const response = await this.ask(model);
    const { error } = (await response.json()) as { error?: { code: string; message: string } };
    return { status: response.status, code: error?.code ?? '', message: error?.message ?? '' };
  }

  /** What the admin API says of a model. */
  async view(model: string): Promise<Record<string, unknown>> {
    return (await (await fetch(`${this.adminUrl}/api/models/${model}`)).json()) as Record<string, unknown>;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it at once, however it is; resolves when it is gone. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configOf(options: ChildGatewayOptions, kubeconfig: string): string {
  const { kubernetes = '', models = '', drain = '20s' } = options;
  return `server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0, drain: ${drain} }
log: { level: debug, access: false }
kubernetes: { kubeconfig: ${kubeconfig}${kubernetes === '' ? '' : `, ${kubernetes}`} }
models:${models === '' ? ' {}' : `\n${models}`}`;
}

/** The administrator's kubeconfig, or one with a token of the account, in its namespace. Returns its path. */
function writeKubeconfig(folder: string, { namespace, account, server }: ChildGatewayOptions): string {
  const config = JSON.parse(readFileSync(process.env.KUBECONFIG!, 'utf8'));
  config.contexts[0].context.namespace = namespace;
  if (account !== undefined)
    config.users[0].user = { token: mustKubectl(['-n', namespace, 'create', 'token', account]).trim() };
  if (server !== undefined) config.clusters[0].cluster = { server, 'insecure-skip-tls-verify': true };
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { awaitListening, type Child, Children } from './children.ts';
import { gateway, haproxy, nginxBackend, nginxProxy, sidecarVariables, wrkScript } from './configurations.ts';
import { type Compiled, compileReferences, which } from './tools.ts';

const root = join(import.meta.dirname, '..');

/** What a request can be sent through; `sqlite` and `redis` are the gateway with its jobs there. */
export type TargetName =
  | 'direct'
  | 'nginx'
  | 'haproxy'
  | 'go'
  | 'node'
  | 'pilotlight'
  | 'sqlite'
  | 'redis'
  | 'sidecar';

/** A proxy that is up, or the backend itself (`direct`, which has no child). */
export interface Target {
  readonly name: TargetName;
  readonly port: number;
  readonly child: Child | null;
}

/** How the targets of a scenario are started. */
export interface TargetOptions {
  readonly backendPort: number;
  /** Requests at once, where the target knows a limit. */
  readonly concurrency: number;
  /** Go only: false passes bodies on unread, as a sidecar does. Default true. */
  readonly readsModel?: boolean;
  /** The gateway only: it starts its backend by this command, with {port} in it. */
  readonly command?: readonly string[];
  /** The gateway only: 0 lets it scale to zero after `idle`. */
  readonly minReplicas?: 0 | 1;
  readonly idle?: string;
  /** The gateway only: a folder whose jobs it goes on with; default: a fresh one. */
  readonly stateDir?: string;
  /** The gateway only: with a second model, "paused", whose jobs stay queued, and surfaces on. */
  readonly hasJobs?: boolean;
}

/** A tool or the gateway is missing or does not start: the scenario goes on without it and says so. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/** The bench's room: a temporary folder, the tools, and all the programs that are running. */
export class Lab {
  readonly isQuick: boolean;
  readonly children = new Children(which('taskset') !== null);
  readonly #dir = mkdtempSync(join(tmpdir(), 'pilotlight-bench-run-'));
  #compiled: Compiled | null | undefined;

  constructor(isQuick: boolean) {
    this.isQuick = isQuick;
    process.on('exit', () => rmSync(this.#dir, { recursive: true, force: true }));
  }

  /** Ends every program. The temporary folder goes when this process exits. */
  close(): Promise<void> {
    return this.children.stopAll();
  }

  /** The compiled programs; throws Unavailable without Go. */
  compiled(): Compiled {
    this.#compiled ??= compileReferences();
    if (this.#compiled === null) throw new Unavailable('go is not installed');
    return this.#compiled;
  }

  /** A fresh folder below the temporary one. */
  folder(name: string): string {
    return mkdtempSync(join(this.#dir, `${name}-`));
  }

  /** The wrk program and its script. Throws Unavailable without wrk. */
  wrk(): { path: string; script: string } {
    const path = which('wrk');
    if (path === null) throw new Unavailable('wrk is not installed');
    return { path, script: this.#write(this.folder('wrk'), 'post.lua', wrkScript) };
  }

  /** The argv that runs a program on the core of the backend, where programs are pinned. */
  besideTheLoad(argv: readonly string[]): string[] {
    return this.children.pinned({ name: 'backend', argv, cpu: 1 });
  }

  /** The compiled stub on a free port; ready from the start. */
  async startStub(...flags: string[]): Promise<Target> {
    const { stub } = this.compiled();
    const port = await freePort();
    return this.#up({ name: 'direct', port }, [stub, '-listen', `127.0.0.1:${port}`, ...flags]);
  }

  /** A backend with a fixed small answer: nginx, or the compiled stub where it is not installed. */
  async startFixedBackend(): Promise<Target> {
    return which('nginx') === null ? this.startStub() : this.startNginxBackend();
  }

  /** nginx with a fixed small answer; what is below /stub/ goes to the stub. Throws Unavailable without nginx. */
  async startNginxBackend(stub?: Target): Promise<Target> {
    const nginx = which('nginx');
    if (nginx === null) throw new Unavailable('nginx is not installed');
    const port = await freePort();
    const dir = this.folder('backend');
    const config = this.#write(
      dir,
      'nginx.conf',
      nginxBackend({ port, dir, ...(stub && { stubPort: stub.port }) }),
    );
    return this.#up({ name: 'direct', port }, [nginx, '-p', dir, '-c', config]);
  }

  /** Starts a target and waits until it listens. Throws Unavailable with the reason. */
  async startTarget(name: Exclude<TargetName, 'direct'>, options: TargetOptions): Promise<Target> {
    const port = await freePort();
    const argv = await this.#argv(name, port, options);
    const target = await this.#up({ name, port }, argv);
    if (isGateway(name) && options.minReplicas !== 0) await this.#untilAnswering(target);
    return target;
  }

  async #argv(name: TargetName, port: number, options: TargetOptions): Promise<string[]> {
    const { backendPort, concurrency } = options;
    const dir = this.folder(name);
    if (name === 'go') {
      const { reverseProxy } = this.compiled();
      const backend = `http://127.0.0.1:${backendPort}`;
      const flags = ['-listen', `127.0.0.1:${port}`, '-backend', backend, '-limit', `${concurrency}`];
      return [reverseProxy, ...flags, `-reads-model=${options.readsModel ?? true}`];
    }
    if (name === 'node') {
      return [process.execPath, join(import.meta.dirname, 'reference/relay.ts'), `${port}`, `${backendPort}`];
    }
    if (name === 'pilotlight') return this.#gatewayArgv({ dir, port, options, store: 'sqlite' });
    if (name === 'sqlite') return this.#gatewayArgv({ dir, port, options, store: 'sqlite' });
    if (name === 'redis') return this.#gatewayArgv({ dir, port, options, store: await this.#startRedis() });
    if (name === 'sidecar') {
      const variables = sidecarVariables({ port, backendPort, concurrency });
      return ['env', ...variables, process.execPath, main(), 'sidecar'];
    }
    const path = which(name);
    if (path === null) throw new Unavailable(`${name} is not installed`);
    if (name === 'nginx') {
      const config = this.#write(dir, 'nginx.conf', nginxProxy({ port, backendPort, dir }));
      return [path, '-p', dir, '-c', config];
    }
    return [path, '-db', '-f', this.#write(dir, 'haproxy.cfg', haproxy({ port, backendPort }))];
  }

  async #gatewayArgv(start: {
    dir: string;
    port: number;
    options: TargetOptions;
    store: string;
  }): Promise<string[]> {
    const { dir, port, options, store } = start;
    const text = gateway({
      port,
      adminPort: await freePort(),
      backend: options.command ?? options.backendPort,
      dir,
      concurrency: options.concurrency,
      minReplicas: options.minReplicas ?? 1,
      idle: options.idle ?? '5m',
      jobs: options.hasJobs ? { store, stateDir: options.stateDir ?? join(dir, 'state') } : null,
    });
    mkdirSync(join(dir, 'spool'));
    return [process.execPath, main(), 'serve', '--config', this.#write(dir, 'pilotlight.yaml', text)];
  }

  /** A Redis that flushes each write before it answers, beside the load; its URL. Throws Unavailable without redis-server. */
  async #startRedis(): Promise<string> {
    const path = which('redis-server');
    if (path === null) throw new Unavailable('redis-server is not installed');
    const port = await freePort();
    const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', this.folder('redis'), '--save', ''];
    const argv = [path, ...flags, '--appendonly', 'yes', '--appendfsync', 'always'];
    const child = this.children.start({ name: 'redis-server', argv, cpu: 1 });
    await awaitListening(child, port);
    return `redis://127.0.0.1:${port}`;
  }

  /** A target of name `direct` is the backend: it shares the load generator's core. */
  async #up(target: { name: TargetName; port: number }, argv: readonly string[]): Promise<Target> {
    const cpu = target.name === 'direct' ? 1 : 0;
    const child = this.children.start({ name: target.name, argv, cpu });
    try {
      await awaitListening(child, target.port);
    } catch (error) {
      await child.stop();
      throw new Unavailable(error instanceof Error ? error.message : String(error));
    }
    return { ...target, child };
  }

  async #untilAnswering(target: Target): Promise<void> {
    let seen = 'nothing';
    for (let tries = 0; tries < 10; tries++) {
      const response = await fetch(`http://127.0.0.1:${target.port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"model":"bench","messages":[]}',
        signal: AbortSignal.timeout(2_000),
      }).catch((error: Error) => error);
      if (response instanceof Error) {
        seen = response.message;
      } else {
        seen = `${response.status} ${(await response.text()).slice(0, 200)}`;
        if (response.ok) return;
      }
      await sleep(250);
    }
    await target.child?.stop();
    throw new Unavailable(`${target.name} does not answer: ${seen} ${target.child?.stderr() ?? ''}`);
  }

  #write(dir: string, name: string, text: string): string {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  }
}

function isGateway(name: TargetName): boolean {
  return name === 'pilotlight' || name === 'sqlite' || name === 'redis';
}

function main(): string {
  const found = ['dist/main.js', 'src/main.ts'].map((file) => join(root, file)).find(existsSync);
  if (found !== undefined) return found;
  throw new Unavailable('there is neither dist/main.js (npm run build) nor src/main.ts');
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-ports.ts';

/** Whether redis-server 7 or later is on the PATH; where it is not, a line on stderr says how to get it. */
export const hasRedis = findRedis();

export interface RedisServerOptions {
  /** When its log goes to disk. Default: always. */
  readonly appendfsync?: 'always' | 'everysec';
  /** Further lines of its configuration: name and value. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A Redis of its own on loopback, with its folder, its log on disk, and nothing in it. */
export class RedisServer {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), 'pilotlight-redis-'));
  readonly #options: RedisServerOptions;
  #child: ChildProcess | null = null;

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Resolves when it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it on what its folder holds; resolves when it has read that and answers. */
  async restart(): Promise<void> {
    const { appendfsync = 'always', settings = {} } = this.#options;
    const all = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.folder,
      save: '',
      appendonly: 'yes',
      appendfsync,
      ...settings,
    };
    const words = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    await untilReady(child);
  }

  /** Ends it at once, as a power cut would for all it knows; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Stops it from answering, without ending it, or lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }

  /** Sends one command on a connection of its own; the reply as ioredis has it. */
  async command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const client = new Redis({ port: this.port, host: '127.0.0.1', lazyConnect: true });
    try {
      await client.connect();
      return await client.call(name, [...args]);
    } finally {
      client.disconnect();
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function untilReady(child: ChildProcess): Promise<void> {
  let log = '';
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (bytes: Buffer) => {
      log = (log + bytes.toString()).slice(-10_000);
      if (log.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`redis-server ended: ${log}`)));
  });
}

function findRedis(): boolean {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  const major = Number(/ v=(\d+)\./.exec(stdout ?? '')?.[1] ?? 0);
  if (major >= 7) return true;
  process.stderr.write(
    'Tests on Redis are left out: redis-server 7 or later is not on the PATH (Debian: apt-get install redis-server).\n',
  );
  return false;
}

import { readdirSync, readlinkSync } from 'node:fs';
import { expect } from 'vitest';
import type { ServerSettings, Settings } from '../../src/config/settings.ts';
import { type Gateway, settingsOf, startGateway } from './gateway.ts';
import { RawBackend, type Script } from './raw-backend.ts';
import { RawClient } from './raw-client.ts';

/** What a test sets besides the models. */
export interface RigChange {
  readonly server?: Partial<ServerSettings>;
  readonly rest?: string;
}

/** What a gateway holds of its requests. */
export interface Holdings {
  readonly waiting: number;
  readonly inFlight: number;
  readonly heldBytes: number;
  readonly spoolBytes: number;
  readonly spoolFiles: number;
}

function changedSettings(models: string, { rest, server }: RigChange): Settings {
  const settings = settingsOf(models, rest);
  return { ...settings, server: { ...settings.server, drainMs: 1_000, ...server } };
}

/** A gateway, raw backends and raw clients, closed in reverse order. */
export class Rig {
  readonly #closers: (() => Promise<void> | void)[] = [];
  #gateway: Gateway | null = null;

  get gateway(): Gateway {
    if (this.#gateway === null) throw new Error('no gateway was started');
    return this.#gateway;
  }

  async backend(script: Script): Promise<RawBackend> {
    const backend = await new RawBackend(script).listen();
    this.#closers.push(() => backend.close());
    return backend;
  }

  async start(models: string, change: RigChange = {}): Promise<Gateway> {
    const gateway = await startGateway(changedSettings(models, change));
    this.#closers.push(() => gateway.close());
    this.#gateway = gateway;
    return gateway;
  }

  /** The configuration changes. */
  reload(models: string, change: RigChange = {}): void {
    this.gateway.app.reload(changedSettings(models, change));
  }

  /** A connection to the gateway's request port. */
  client(method = 'POST'): RawClient {
    const client = new RawClient(this.gateway.url, method);
    this.#closers.push(() => client.destroy());
    return client;
  }

  /** What the gateway holds now: its requests by the admin API and the metrics, spool files by the process's own. */
  async holdings(): Promise<Holdings> {
    const { adminUrl } = this.gateway;
    const models = (await (await fetch(`${adminUrl}/api/models`)).json()) as {
      models: { inFlight: number; queue: { waiting: number } }[];
    };
    const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
    const sum = (of: (model: (typeof models.models)[number]) => number) =>
      models.models.reduce((total, model) => total + of(model), 0);
    return {
      waiting: sum(({ queue }) => queue.waiting),
      inFlight: sum(({ inFlight }) => inFlight),
      heldBytes: heldBytes(metrics, 'memory'),
      spoolBytes: heldBytes(metrics, 'spool'),
      spoolFiles: spoolFiles(),
    };
  }

  /** Waits until the gateway holds nothing of any request. */
  async untilNothingIsHeld(): Promise<void> {
    await expect
      .poll(() => this.holdings(), { timeout: 5_000 })
      .toEqual({ waiting: 0, inFlight: 0, heldBytes: 0, spoolBytes: 0, spoolFiles: 0 });
  }

  /** Waits until so many replicas of a model are ready, without asking it for anything. */
  async untilReady(model: string, replicas: number): Promise<void> {
    const states = async () => {
      const response = await fetch(`${this.gateway.adminUrl}/api/models/${model}`);
      return ((await response.json()) as { replicas: { state: string }[] }).replicas.map(
        ({ state }) => state,
      );
    };
    await expect.poll(states).toEqual(Array(replicas).fill('ready'));
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    this.#gateway = null;
  }
}

function heldBytes(metrics: string, place: 'memory' | 'spool'): number {
  const line = new RegExp(`^pilotlight_held_bytes\\{place="${place}"\\} (\\d+)`, 'm').exec(metrics);
  return Number(line?.[1] ?? Number.NaN);
}

/** Open files of this process that are spooled bodies (unlinked as soon as they are made). */
function spoolFiles(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /\/body-[\w-]{36} \(deleted\)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

/** Model `m` at these URLs, ready when the port accepts, and model `any` that takes whatever is under /any/. */
export function modelsAt(urls: readonly string[], more = ''): string {
  const backend = `backend: { driver: static, urls: ${JSON.stringify(urls)}, ready: { tcp: true } }`;
  return `
  m:
    aliases: [alias-of-m]
    ${backend}
    ${more}
  any:
    match: { paths: [/any] }
    ${backend}
    ${more}
`;
}

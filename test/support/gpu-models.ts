import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { PlayedGpus } from './played-gpus.ts';
import type { World } from './world.ts';

/**
 * Ready after its load time; writes when it starts and ends into the ledger. A file `oom-MODEL` there with a number in it:
 * so many of its starts end for want of memory. A stream tells an event each 50 ms until its `holdMs` are over.
 */
const script = `
  const fs = require('fs');
  const [port, model, ledger, loadMs, gpus] = process.argv.slice(1);
  const seen = process.env.CUDA_VISIBLE_DEVICES ?? null;
  const note = (what) => fs.appendFileSync(ledger + '/ledger', JSON.stringify({ what, model, pid: process.pid, seen, gpus }) + '\\n');
  const short = ledger + '/oom-' + model;
  const left = fs.existsSync(short) ? Number(fs.readFileSync(short, 'utf8')) : 0;
  note('start');
  if (left > 0) {
    fs.writeFileSync(short, String(left - 1));
    console.log('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.');
    note('stop');
    process.exit(1);
  }
  process.on('SIGTERM', () => { note('stop'); process.exit(0); });
  const loadedAt = performance.now() + Number(loadMs);
  require('http').createServer((req, res) => {
    if (req.url === '/health') return res.writeHead(performance.now() < loadedAt ? 503 : 200).end();
    let body = '';
    req.on('data', (chunk) => body += chunk).on('end', () => {
      const { holdMs = 0, stream = false } = JSON.parse(body);
      note('request');
      if (!stream) return setTimeout(() =>
        res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ model, seen, gpus })), holdMs);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const until = performance.now() + holdMs;
      const timer = setInterval(() => {
        if (performance.now() < until) return res.write('data: {"model":"' + model + '"}\\n\\n');
        clearInterval(timer);
        res.end('data: [DONE]\\n\\n');
      }, 50);
    });
  }).listen(+port, '127.0.0.1');
`;

/** A line of the ledger. */
export interface LedgerLine {
  readonly what: 'start' | 'request' | 'stop';
  readonly model: string;
  readonly pid: number;
  /** CUDA_VISIBLE_DEVICES; null: not set. */
  readonly seen: string | null;
  /** What `{gpus}` was filled with; absent: it was not said. */
  readonly gpus?: string;
}

/** What the admin port tells of what models share. */
export interface GpusView {
  readonly gpus: readonly {
    readonly id: string;
    readonly othersBytes: number;
    readonly usedBytes: number | null;
    readonly holders: readonly { readonly model: string; readonly state: string; readonly bytes: number }[];
  }[];
  readonly waiting: readonly { readonly model: string; readonly reason: string }[];
  readonly learned: readonly { readonly model: string; readonly peakBytes: number | null }[];
  readonly fault: string | null;
}

/** Models that are started as processes and share GPUs, in a gateway of the test's own. */
export class GpuModels {
  readonly folder = mkdtempSync(join(tmpdir(), 'pilotlight-gpu-models-'));
  readonly #world: World;
  #gateway: Gateway | null = null;

  constructor(world: World) {
    this.#world = world;
    world.onClose(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Cards as nvidia-smi tells of them, found by a gateway that is started after this. */
  cards(...cards: ConstructorParameters<typeof PlayedGpus>[0]): PlayedGpus {
    const played = new PlayedGpus(cards);
    const before = process.env.PATH;
    process.env.PATH = played.path;
    this.#world.onClose(() => {
      process.env.PATH = before;
      played.remove();
    });
    return played;
  }

  /** YAML of a model. `saysGpus`: its command names `{gpus}`. */
  model(name: string, more: string, { loadMs = 200, saysGpus = false } = {}): string {
    const command = [process.execPath, '-e', script, '{port}', '{model}', this.folder, String(loadMs)];
    const all = saysGpus ? [...command, '{gpus}'] : command;
    return `
  ${name}:
    backend: { driver: process, command: ${JSON.stringify(all)}, ready: { path: /health }, stopGrace: 2s }
    ${more}
`;
  }

  async start(rest: string, models: string): Promise<Gateway> {
    this.#gateway = await this.#world.gateway(models, rest, 20_000);
    return this.#gateway;
  }

  ask(model: string, more: object = {}): Exchange {
    const body = { model, messages: [{ role: 'user', content: 'Hello' }], ...more };
    return new Exchange(`${this.#gateway!.url}/v1/chat/completions`, body);
  }

  /** The answer to one request, read as JSON. */
  async answer(
    model: string,
    more: object = {},
  ): Promise<{ model: string; seen: string | null; gpus?: string }> {
    const { status, text } = await this.ask(model, more).whole();
    if (status !== 200) throw new Error(`${status}: ${text}`);
    return JSON.parse(text) as { model: string; seen: string | null };
  }

  /** The next `count` starts of a model end for want of memory. */
  runShort(model: string, count: number): void {
    writeFileSync(join(this.folder, `oom-${model}`), String(count));
  }

  get ledger(): readonly LedgerLine[] {
    const file = join(this.folder, 'ledger');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LedgerLine);
  }

  /** `start a, stop a, start b`. */
  told(...kinds: readonly LedgerLine['what'][]): string {
    const lines = this.ledger.filter(({ what }) => kinds.includes(what));
    return lines.map(({ what, model }) => `${what} ${model}`).join(', ');
  }

  async view(): Promise<GpusView> {
    return (await (await fetch(`${this.#gateway!.adminUrl}/api/gpus`)).json()) as GpusView;
  }

  async stateOf(model: string): Promise<{ state: string; decision: string; step: string | null }> {
    const response = await fetch(`${this.#gateway!.adminUrl}/api/models/${model}`);
    return (await response.json()) as { state: string; decision: string; step: string | null };
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.#gateway!.adminUrl}/metrics`)).text();
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

/** A line of the gateway's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** `pilotlight serve` as a process of its own. */
export class Served {
  readonly child: ChildProcess;
  /** How it ended. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Its standard output, read as JSON. */
  readonly log: LogLine[] = [];
  url = '';
  adminUrl = '';

  private constructor(child: ChildProcess) {
    this.child = child;
    // Its output is complete only then.
    this.exit = once(child, 'close').then(([code, signal]) => ({ code, signal }));
    createInterface(child.stdout!).on('line', (line) => this.log.push(JSON.parse(line) as LogLine));
  }

  /** Starts it and resolves when it listens; rejects with what it said when it ends before. `nodeOptions`: of Node itself. */
  static async start(configFile: string, nodeOptions: readonly string[] = []): Promise<Served> {
    const child = spawn(process.execPath, [...nodeOptions, main, 'serve', '--config', configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const served = new Served(child);
    let said = '';
    for await (const line of createInterface(child.stderr!)) {
      said += `${line}\n`;
      const [, url, adminUrl] = /^Pilotlight listens on (\S+) .*, admin on (\S+)$/.exec(line) ?? [];
      if (url === undefined || adminUrl === undefined) continue;
      served.url = url;
      served.adminUrl = adminUrl;
      child.stderr!.resume();
      return served;
    }
    throw new Error(`serve ended: ${said}`);
  }

  /** Sends it a signal. */
  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it at once with all that it started: a second signal does, and one of another kind is not merged with it. */
  async end(): Promise<void> {
    this.child.kill('SIGTERM');
    this.child.kill('SIGINT');
    await this.exit;
  }
}

/** Writes a configuration with free ports into a folder of its own; `remove` deletes it. */
export function writeConfig(models: string, server = ''): { readonly file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-served-'));
  const file = join(folder, 'pilotlight.yaml');
  const head = `server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0${server === '' ? '' : `, ${server}`} }`;
  writeFileSync(file, `${head}\nmodels:\n${models}`);
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

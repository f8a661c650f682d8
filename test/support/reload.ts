import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Answer } from './backend.ts';
import { chat, type Gateway } from './gateway.ts';
import { fixedModel, World } from './world.ts';

const world = new World();

/** Closes what the test has opened, in reverse order: for `afterEach`. */
export const closeAll = () => world.close();

/** A backend whose answers the test writes itself. */
export const backendOf = (answer: Answer) => world.backend(answer);

/** A gateway with these models, and time to drain what runs. */
export const gatewayOf = (models: string) => world.gateway(models, '', 60_000);

/** An empty folder of the test's own. */
export function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-reload-'));
  world.onClose(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A chat request. */
export const post = (gateway: Gateway, more: object = {}, name = 'm') =>
  fetch(`${gateway.url}/v1/chat/completions`, chat(name, more));

/** The answer to one. */
export const textOf = (gateway: Gateway, more: object = {}) => post(gateway, more).then((r) => r.text());

interface Replica {
  origin: string;
  state: string;
}

/** What of /api/models/{id} these tests look at. */
export interface Snapshot {
  state: string;
  inFlight: number;
  limit: number;
  queue: { waiting: number; max: number };
  replicas: Replica[];
  rollout: {
    state: string;
    failure: { reason: string } | null;
    replicas: Replica[];
    lastStarts: object[];
  } | null;
  ending: { waiting: number; inFlight: number }[];
}

/** Polls as long as a loaded machine may need. */
export const until = <T>(look: () => T) => expect.poll(look, { timeout: 10_000 });

/** What the admin port tells of a model. */
export const snapshotOf = async (gateway: Gateway, name = 'm') =>
  (await (await fetch(`${gateway.adminUrl}/api/models/${name}`)).json()) as Snapshot;

/** Model m at fixed URLs. */
export const fixed = fixedModel;

/** Ready once the file named by its version is there; answers with its version and pid. */
export const script = `
  const { existsSync } = require('fs');
  const [port, folder, version] = process.argv.slice(1);
  if (version.startsWith('broken')) { console.log('no such weights'); process.exit(3); }
  require('http').createServer((q, s) => {
    if (q.url === '/health') return s.writeHead(existsSync(folder + '/' + version) ? 200 : 503).end('Loading model');
    q.resume().on('end', () => s.end(version + ' ' + process.pid));
  }).listen(+port, '127.0.0.1');
`;

/** Model m as a process of a version; `broken...` exits at once. */
export const local = (folder: string, version: string, more = 'rollout: start-first') => `
  m:
    backend:
      driver: process
      command: ${JSON.stringify([process.execPath, '-e', script, '{port}', folder, version])}
      ready: { path: /health }
    ${more}
`;

/** Of the process that gave this answer. */
export const pidOf = (answer: string) => Number(answer.split(' ')[1]);

/** The command lines of running processes that hold this text. */
export function commandsWith(text: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return command.includes(text) ? [command] : [];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer, Backend } from '../support/backend.ts';
import { chat, type Gateway, settingsOf } from '../support/gateway.ts';
import { backendOf, closeAll, folderOf, gatewayOf, script, snapshotOf, until } from '../support/reload.ts';

afterEach(closeAll);

const clientCount = 20;
/** Below what the clients of one model ask for at once, so that each model has a queue all the time. */
const limit = 1;

/** What one request of a client came to. */
interface Outcome {
  readonly id: string;
  readonly model: string;
  readonly status: number;
  readonly text: string;
}

/** Answers after a few milliseconds, a stream in three pieces, and says which request that was. */
const answer: Answer = (res, req, body) => {
  const { stream } = JSON.parse(body) as { stream?: boolean };
  const id = String(req.headers['x-request-id']);
  if (!stream) {
    setTimeout(() => res.end(`whole ${id}`), 5);
    return;
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.write('data: 1\n\n');
  setTimeout(() => res.write('data: 2\n\n'), 4);
  setTimeout(() => res.end(`data: [DONE] ${id}\n\n`), 8);
};

async function ask(gateway: Gateway, id: string, model: string, isStream: boolean): Promise<Outcome> {
  const init = chat(model, { stream: isStream });
  const headers = { ...(init.headers as object), 'x-request-id': id };
  const response = await fetch(`${gateway.url}/v1/chat/completions`, { ...init, headers });
  return { id, model, status: response.status, text: await response.text() };
}

/** Clients that ask one after the other, for each of the models in turn, until they are told to stop. */
function steadyLoad(gateway: Gateway, models: readonly string[]) {
  const outcomes: Outcome[] = [];
  let isOver = false;
  const client = async (n: number) => {
    for (let i = 0; !isOver; i++) {
      const model = models[(n + i) % models.length]!;
      outcomes.push(await ask(gateway, `r-${n}-${i}`, model, (n + i) % 3 === 0));
    }
  };
  const clients = Array.from({ length: clientCount }, (_, n) => client(n));
  return {
    outcomes,
    async stop() {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

const fixed = (name: string, urls: string[], more = '') => `
  ${name}:
    backend: { driver: static, urls: ${JSON.stringify(urls)}, ready: { path: /health } }
    concurrency: ${limit}
    ${more}
`;

/** The model whose process is replaced, one at a time or side by side. */
const local = (folder: string, version: string, more = '') => `
  local:
    backend:
      driver: process
      command: ${JSON.stringify([process.execPath, '-e', script, '{port}', folder, version])}
      ready: { path: /health }
    concurrency: ${limit}
    ${more}
`;

function checkOutcomes(outcomes: readonly Outcome[], backends: readonly Backend[]): void {
  const isServed = ({ id, model, text }: Outcome) =>
    model === 'local' ? /^v\d+ \d+$/.test(text) : text.endsWith(`${id}`) || text.endsWith(`[DONE] ${id}\n\n`);
  const isExpected = (one: Outcome) =>
    one.status === 200
      ? isServed(one)
      : one.model === 'comes-and-goes' && one.status === 404 && one.text.includes('"model_not_found"');
  expect(outcomes.filter((one) => !isExpected(one))).toEqual([]);
  const seen = backends.flatMap((backend) => backend.seen.map(({ headers }) => headers['x-request-id']));
  expect(seen.filter((id, index) => seen.indexOf(id) !== index)).toEqual([]);
  const servedIds = outcomes
    .filter(({ model, status }) => model !== 'local' && status === 200)
    .map(({ id }) => id);
  expect(servedIds.toSorted()).toEqual(seen.toSorted());
}

describe('a configuration that changes again and again under load', () => {
  it('drops no request, sends none twice and never exceeds a limit', async () => {
    const backends = await Promise.all(Array.from({ length: 6 }, () => backendOf(answer)));
    const [a, b, c, d, e, f] = backends.map(({ url }) => url) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const folder = folderOf();
    const names = ['start-first', 'stop-first', 'comes-and-goes', 'local'];
    const models = (round: number) => {
      const version = `v${1 + (round >> 2)}`;
      writeFileSync(join(folder, version), '');
      const queue = `queue: { max: ${500 + round} }\n    scale: { idle: ${60 + round}s }`;
      return [
        fixed('start-first', round % 2 === 0 ? [a, b] : [b, c], queue),
        fixed('stop-first', [round % 3 === 0 ? d : e], 'rollout: stop-first'),
        round % 4 === 3 ? '' : fixed('comes-and-goes', [f], `heartbeat: { stream: ${20 + round}s }`),
        local(folder, version, round % 8 < 4 ? '' : 'rollout: start-first'),
      ].join('');
    };
    const gateway = await gatewayOf(models(0));
    const load = steadyLoad(gateway, names);
    const rounds = 24;
    for (let round = 1; round <= rounds; round++) {
      const sofar = load.outcomes.length;
      await until(() => load.outcomes.length).toBeGreaterThan(sofar + clientCount);
      gateway.app.reload(settingsOf(models(round)));
    }
    const last = load.outcomes.length;
    await until(() => load.outcomes.length).toBeGreaterThan(last + 2 * clientCount);
    await load.stop();
    checkOutcomes(load.outcomes, backends);
    expect(load.outcomes.some(({ status }) => status === 404)).toBe(true);
    expect(backends.map((backend) => backend.peak() <= limit)).toEqual(Array(6).fill(true));
    for (const name of names) {
      await until(async () => (await snapshotOf(gateway, name)).ending).toEqual([]);
      expect(await snapshotOf(gateway, name)).toMatchObject({ inFlight: 0, queue: { waiting: 0 } });
    }
  });
});

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawChat, rawRequest } from '../support/raw-client.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

/** A model whose backend is this program, run by node with {port} as its argument. */
function programModel(program: string, more = ''): string {
  const file = join(mkdtempSync(join(tmpdir(), 'pilotlight-program-')), 'backend.mjs');
  writeFileSync(file, program);
  const command = JSON.stringify([process.execPath, file, '{port}']);
  return `
  m:
    backend: { driver: process, command: ${command}, ready: { path: /health, startup: 2s } }
    concurrency: 1
    ${more}
`;
}

const listening = `
import { createServer } from 'node:http';
const server = createServer((req, res) => {
  if (req.url === '/health') return res.end('ok');
  req.resume().on('end', () => answer(req, res));
});
server.listen(Number(process.argv[2]), '127.0.0.1');
`;

/** What is left of the back-off after a failed start. */
async function retryInMs(): Promise<number> {
  const response = await fetch(`${rig.gateway.adminUrl}/api/models/m`);
  return ((await response.json()) as { failure: { retryInMs: number } }).failure.retryInMs;
}

describe('a start that fails', () => {
  it.each([
    ['exits with a reason', "console.error('no such weights'); process.exit(3);", 'no such weights'],
    [
      'never listens',
      'setInterval(() => undefined, 1000);',
      'not ready within 2s: GET /health: ECONNREFUSED (after \\"spawned\\")',
    ],
    [
      'listens and never is ready',
      "import { createServer } from 'node:http'; createServer((_, res) => res.writeHead(503).end('Loading model')).listen(Number(process.argv[2]), '127.0.0.1');",
      'not ready within 2s: GET /health: 503 Loading model (after \\"loading\\")',
    ],
  ])('since the backend %s is told to all who wait, with its reason', async (_what, program, reason) => {
    await rig.start(programModel(program));
    const clients = [0, 1, 2].map(() => rig.client());
    for (const client of clients) client.write(rawChat());
    for (const client of clients) {
      const answer = await client.answer();
      expect([answer.status, answer.code, answer.fields.get('x-should-retry')]).toEqual([
        503,
        'start_failed',
        'false',
      ]);
      expect(Number(answer.fields.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(answer.body).toContain(reason);
    }
    await rig.untilNothingIsHeld();
    expect(await retryInMs()).toBeGreaterThan(0);
    const during = rig.client();
    during.write(rawChat());
    expect((await during.answer()).code).toBe('start_failed');
  });

  it('is followed by one that succeeds, once its back-off is over', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'pilotlight-second-'));
    const marker = JSON.stringify(join(dir, 'tried'));
    await rig.start(
      programModel(`
import { existsSync, writeFileSync } from 'node:fs';
if (!existsSync(${marker})) { writeFileSync(${marker}, ''); process.exit(1); }
const answer = (_req, res) => res.end('ok');
${listening.trimStart()}`),
    );
    const first = rig.client();
    first.write(rawChat());
    const failed = await first.next();
    expect(failed.code).toBe('start_failed');
    await expect
      .poll(
        async () => {
          const client = rig.client();
          client.write(rawChat());
          const answer = await client.answer();
          return answer.code ?? answer.body;
        },
        { timeout: 10_000 },
      )
      .toBe('ok');
  });
});

describe('a backend that exits while it serves', () => {
  it('gives 502 to the one it had, and is started again for the next', async () => {
    const log = join(mkdtempSync(join(tmpdir(), 'pilotlight-served-')), 'log');
    await rig.start(
      programModel(`
import { appendFileSync, readFileSync, existsSync } from 'node:fs';
const answer = (req, res) => {
  const isFirst = !existsSync(${JSON.stringify(log)});
  appendFileSync(${JSON.stringify(log)}, req.headers['x-request-id'] + '\\n');
  if (isFirst) process.exit(9);
  res.end('ok');
};
${listening.trimStart()}`),
    );
    const first = rig.client();
    first.write(rawChat());
    const waiting = rig.client();
    const answer = await (async () => {
      const told = first.answer();
      waiting.write(rawChat());
      return told;
    })();
    expect([answer.status, answer.code]).toEqual([502, 'backend_reset']);
    // A process that is ending may still have accepted the connection, and taken the request with it.
    const second = await waiting.answer();
    expect(['ok', 'backend_reset']).toContain(second.code ?? second.body);
    const third = rig.client();
    third.write(rawChat());
    expect((await third.answer()).body).toBe('ok');
    const ids = readFileSync(log, 'utf8').trim().split('\n');
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(second.code === null ? 3 : 2);
    await rig.untilNothingIsHeld();
  });

  it('cuts the stream that it had begun, with an error event', async () => {
    await rig.start(
      programModel(`
const answer = (_req, res) => {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.write('data: 1\\n\\n');
  setTimeout(() => process.exit(9), 200);
};
${listening.trimStart()}`),
    );
    const client = rig.client();
    client.write(rawChat({ stream: true }));
    await client.closed();
    const answer = await client.answer();
    expect([answer.status, answer.isWhole, answer.code]).toEqual([200, false, 'backend_reset']);
    await rig.untilNothingIsHeld();
  });
});

describe('a backend that waits for an upload', () => {
  it('is not taken for a stalled one, and replaced, since its client is slow', async () => {
    await rig.start(
      programModel(
        `const answer = (_req, res) => res.end(String(process.pid));\n${listening.trimStart()}`,
      ).replace(
        'concurrency: 1',
        'concurrency: 2\n    match: { paths: [/any] }\n    timeouts: { stall: 300ms }',
      ),
    );
    const first = rig.client();
    first.write(rawRequest('/any/first', 'x'));
    const { body: pid } = await first.answer();
    const slow = rig.client();
    await slow.send('POST /any/slow HTTP/1.1\r\nhost: gateway\r\ncontent-length: 10\r\n\r\nfirst');
    await expect.poll(async () => (await rig.holdings()).inFlight).toBe(1);
    // Nothing is to be seen of a watch that does not strike: it gets three times as long as it would take.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    slow.write('-last');
    expect((await slow.answer()).body).toBe(pid);
  });
});

describe('a static backend that is not there', () => {
  it('is named as the reason when the deadline of those who wait has come', async () => {
    const backend = await rig.backend(answerOk);
    await backend.refuse();
    await rig.start(modelsAt([backend.url], 'queue: { timeout: 400ms }'));
    const client = rig.client();
    client.write(rawChat());
    const answer = await client.answer();
    expect([answer.status, answer.code]).toEqual([503, 'queue_timeout']);
    await rig.untilNothingIsHeld();
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { ask, processModel, untilState, viewOf, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const idleMs = 150;

/** Answers with a stream of one event at once and the end after `holdMs`; its probe passes from the start. */
const slowAnswer = (holdMs: number) => `
  require('http').createServer((req, res) => {
    if (req.url === '/health') return res.end();
    req.resume();
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('data: {"pid":' + process.pid + '}\\n\\n');
    setTimeout(() => res.end('data: [DONE]\\n\\n'), ${holdMs});
  }).listen(+process.argv[1], '127.0.0.1');
`;

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('promise 7: no replica is reaped while it loads or works', () => {
  it('lets one load for many times scale.idle, also after who woke it has left', async () => {
    const gateway = await world.gateway(processModel(idleMs * 8, `scale: { idle: ${idleMs}ms }`));
    const leaving = ask(gateway);
    await untilState(gateway, 'starting');
    leaving.abort();
    await leaving.end;
    await untilState(gateway, 'ready');
    const { lastStarts } = await viewOf(gateway);
    expect(lastStarts.map(({ outcome }) => outcome)).toEqual(['ready']);
    expect(lastStarts[0]!.totalMs).toBeGreaterThan(idleMs * 7);
    await untilState(gateway, 'cold');
  });

  it('lets one answer for many times scale.idle, and ends it that long after its last answer', async () => {
    const command = JSON.stringify([process.execPath, '-e', slowAnswer(idleMs * 8), '{port}']);
    const gateway = await world.gateway(
      `\n  m: { backend: { driver: process, command: ${command} }, scale: { idle: ${idleMs}ms } }\n`,
    );
    const exchange = ask(gateway, { stream: true });
    const [, pid] = /"pid":(\d+)/.exec(await exchange.until(/pid/))!;
    expect((await exchange.whole()).text).toMatch(/\[DONE\]\n\n$/);
    const endedAtMs = performance.now();
    await untilState(gateway, 'cold');
    expect(performance.now() - endedAtMs).toBeGreaterThanOrEqual(idleMs - 50);
    expect(isAlive(Number(pid))).toBe(false);
  });

  it('ends one that loads when its startup deadline has passed, and says so', async () => {
    const more = `scale: { idle: ${idleMs}ms }`;
    const model = processModel(60_000, more).replace('stopGrace:', 'ready: { startup: 600ms }, stopGrace:');
    const gateway = await world.gateway(model);
    const { status, text } = await ask(gateway).whole();
    expect([status, JSON.parse(text)]).toMatchObject([503, { error: { code: 'start_failed' } }]);
    await expect.poll(async () => (await viewOf(gateway)).replicas).toEqual([]);
  });
});

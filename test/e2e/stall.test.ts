import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import type { Exchange } from '../support/exchange.ts';
import type { Gateway } from '../support/gateway.ts';
import {
  ask,
  fixedModel,
  type ModelView,
  untilReplica,
  untilState,
  viewOf,
  World,
} from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const stallMs = 300;
/** Where a busy machine must not make a backend look stalled. */
const longStallMs = 1_000;

/** A backend that leaves requests unanswered while `isHung`. */
async function hangingBackend() {
  const held: ServerResponse[] = [];
  const control = { isHung: false, held };
  const backend = await world.backend((res, req, body) => {
    if (control.isHung) held.push(res);
    else answerJson(res, req, body);
  });
  return Object.assign(control, { backend });
}

async function replicaOf(gateway: Gateway, { url }: Backend): Promise<ModelView['replicas'][number]> {
  return (await viewOf(gateway)).replicas.find(({ origin }) => origin === url)!;
}

/** The states that a replica is seen in until an answer has ended. */
async function statesUntil(gateway: Gateway, backend: Backend, exchange: Exchange): Promise<string[]> {
  const states = new Set<string>();
  const isOver = exchange.end.then(() => true);
  while (!(await Promise.race([isOver, false]))) states.add((await replicaOf(gateway, backend)).state);
  return [...states];
}

describe('a replica whose running requests get no byte for timeouts.stall', () => {
  it('is taken out while the others go on serving, and is back when a canary was answered', async () => {
    const [hanging, good] = [await hangingBackend(), await world.backend(answerJson)];
    const more = `concurrency: 4\n    balance: { strategy: first }\n    timeouts: { stall: ${stallMs}ms }`;
    const gateway = await world.gatewayFor([hanging.backend, good], more);
    hanging.isHung = true;
    const stuck = ask(gateway);
    await expect.poll(() => hanging.held.length).toBe(1);
    const probesBefore = hanging.backend.probes();
    await expect.poll(() => hanging.backend.probes()).toBeGreaterThan(probesBefore);
    await untilReplica(gateway, hanging.backend.url, 'ready');

    // Its probe passes: one request tries it, beside the one that hangs, and all others go past it.
    const tried = Array.from({ length: 12 }, () => ask(gateway));
    await expect.poll(() => good.seen.length).toBe(11);
    await expect.poll(() => hanging.held.length).toBe(2);

    // The canary's answer opens it for as many as before.
    hanging.held[1]!.end('{}');
    for (const exchange of tried) expect((await exchange.whole()).status).toBe(200);
    hanging.isHung = true;
    const full = Array.from({ length: 4 }, () => ask(gateway));
    await expect.poll(() => hanging.held.length).toBe(5);
    for (const res of hanging.held) res.end('{}');
    for (const exchange of [stuck, ...full]) await exchange.end;
  });

  it('is left alone while it works on a long prompt, or sends now and then', async () => {
    const backend = await world.backend(async (res) => {
      // The head late, then an event now and then: never as late as the stall, all together later than it.
      await new Promise((resolve) => setTimeout(resolve, longStallMs * 0.4));
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      for (let n = 0; n < 4; n++) {
        await new Promise((resolve) => setTimeout(resolve, longStallMs * 0.25));
        res.write(`data: ${n}\n\n`);
      }
      res.end();
    });
    const gateway = await world.gateway(fixedModel([backend.url], `timeouts: { stall: ${longStallMs}ms }`));
    await untilState(gateway, 'ready');
    const exchange = ask(gateway, { stream: true });
    expect(await statesUntil(gateway, backend, exchange)).toEqual(['ready']);
    expect(exchange.text).toContain('data: 3');
  });

  it('is never taken out where stall is 0', async () => {
    const hanging = await hangingBackend();
    const more = `timeouts: { stall: 0, total: ${stallMs * 3}ms }`;
    const gateway = await world.gateway(fixedModel([hanging.backend.url], more));
    await untilState(gateway, 'ready');
    hanging.isHung = true;
    const states = await statesUntil(gateway, hanging.backend, ask(gateway));
    expect(hanging.held).toHaveLength(1);
    expect(states).toEqual(['ready']);
  });
});

/** Answers nothing from the third request on, and ignores SIGTERM as a hung one may. */
const hangingScript = `
  let count = 0;
  process.on('SIGTERM', () => {});
  require('http').createServer((req, res) => {
    if (req.url === '/health') return res.end('ok');
    req.resume().on('end', () => { if (++count < 3) res.end(String(process.pid)); });
  }).listen(+process.argv[1], '127.0.0.1');
`;

describe('a process that stalls', () => {
  it('is ended and another is started in its place, which serves who waits', async () => {
    const command = JSON.stringify([process.execPath, '-e', hangingScript, '{port}']);
    const gateway = await world.gateway(`
  m:
    backend: { driver: process, command: ${command}, stopGrace: 100ms }
    concurrency: 1
    timeouts: { stall: ${stallMs}ms }
`);
    const pids = [];
    for (let n = 0; n < 2; n++) pids.push((await ask(gateway).whole()).text);
    expect(pids[1]).toBe(pids[0]);
    const stuck = ask(gateway);
    await expect.poll(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const next = ask(gateway);
    expect(await stuck.whole()).toMatchObject({ status: 502 });
    expect(stuck.text).toContain('"code":"backend_reset"');
    const { status, text: pid } = await next.whole();
    expect(status).toBe(200);
    expect(Number(pid)).toBeGreaterThan(0);
    expect(pid).not.toBe(pids[0]);
    expect((await viewOf(gateway)).lastStarts.map(({ outcome }) => outcome)).toEqual(['ready', 'ready']);
  });
});

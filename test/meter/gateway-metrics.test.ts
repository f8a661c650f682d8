import { afterEach, describe, expect, it, vi } from 'vitest';
import { Exchange } from '../support/exchange.ts';
import { chat, type Gateway, settingsOf } from '../support/gateway.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const usage = { prompt_tokens: 19, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 16 } };
const event = (data: object | string) =>
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const delta = event({ choices: [{ delta: { content: 'a "usage" of words' } }], usage: null });

/** A value of the metrics page; null where the series is not there. */
async function metric({ adminUrl }: Gateway, series: string): Promise<number | null> {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  const line = page.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

/** Reads a metric until it has that value: the gateway tells of a request when the client has its answer already. */
async function untilMetric(gateway: Gateway, series: string, value: number): Promise<void> {
  const isThere = async () => (await metric(gateway, series)) === value;
  await vi.waitUntil(isThere, { timeout: 10_000, interval: 10 });
}

const tokensOf = (gateway: Gateway) =>
  Promise.all(
    ['prompt', 'completion', 'cached_prompt'].map((kind) =>
      metric(gateway, `pilotlight_${kind}_tokens_total{model="m"}`),
    ),
  );

const completions = ({ url }: Gateway) => `${url}/v1/chat/completions`;
const answered = 'pilotlight_requests_total{model="m",outcome="answered"}';

describe('the metrics page of a gateway', () => {
  it('tells the age of the oldest waiter and the replicas by their state', async () => {
    const answers: (() => void)[] = [];
    const backend = await world.backend((res) => void answers.push(() => res.end('served')));
    const gateway = await world.gateway(fixedModel([backend.url], 'concurrency: 1'));
    const both = [1, 2].map(() => fetch(completions(gateway), chat('m')).then((res) => res.text()));
    await untilMetric(gateway, 'pilotlight_queue_requests{model="m"}', 1);
    const age = () => metric(gateway, 'pilotlight_queue_oldest_seconds{model="m"}');
    const first = (await age())!;
    await vi.waitUntil(async () => (await age())! > first, { timeout: 10_000, interval: 10 });
    const replicas = (state: string) => metric(gateway, `pilotlight_replicas{model="m",state="${state}"}`);
    expect([await replicas('ready'), await replicas('starting')]).toEqual([1, 0]);
    for (let n = 0; n < 2; n++) {
      await vi.waitUntil(() => answers.length > 0, { timeout: 10_000, interval: 10 });
      answers.shift()!();
    }
    expect(await Promise.all(both)).toEqual(['served', 'served']);
    await untilMetric(gateway, 'pilotlight_queue_oldest_seconds{model="m"}', 0);
  });

  it('counts the tokens of a JSON answer, of known length and chunked', async () => {
    const body = JSON.stringify({ choices: [{ text: 'x'.repeat(40_000) }], usage });
    const backend = await world.backend((res, _req, sent) => {
      res.setHeader('content-type', 'application/json');
      if (sent.includes('"chunked"'))
        for (const half of [body.slice(0, -60), body.slice(-60)]) res.write(half);
      res.end(sent.includes('"chunked"') ? '' : body);
    });
    const gateway = await world.gateway(fixedModel([backend.url]));
    await (await fetch(completions(gateway), chat('m'))).text();
    await untilMetric(gateway, answered, 1);
    expect(await tokensOf(gateway)).toEqual([19, 10, 16]);
    await (await fetch(completions(gateway), chat('m', { user: 'chunked' }))).text();
    await untilMetric(gateway, answered, 2);
    expect(await tokensOf(gateway)).toEqual([38, 20, 32]);
  });

  it('counts the tokens of a stream and the gaps between its chunks', async () => {
    const gaps: (() => void)[] = [];
    const backend = await world.backend((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(delta);
      gaps.push(() => res.write(delta));
      gaps.push(() => res.end(event({ choices: [], usage }) + event('[DONE]')));
    });
    const gateway = await world.gateway(fixedModel([backend.url]));
    const exchange = new Exchange(completions(gateway), { model: 'm', stream: true, messages: [] });
    await exchange.until(/words/);
    gaps[0]!();
    await exchange.until(/words.*words/s);
    gaps[1]!();
    expect(await exchange.end).toBe('whole');
    await untilMetric(gateway, answered, 1);
    expect(await tokensOf(gateway)).toEqual([19, 10, 16]);
    const count = await metric(gateway, 'pilotlight_chunk_gap_seconds_count{model="m"}');
    expect(count).toBeGreaterThanOrEqual(2);
    expect(count).toBeLessThanOrEqual(3);
  });

  it('counts no tokens of an answer that is an error, is encoded or only speaks of usage', async () => {
    const backend = await world.backend((res, _req, sent) => {
      const { user } = JSON.parse(sent) as { user: string };
      const encoding = user === 'encoded' ? { 'content-encoding': 'zstd' } : {};
      res.writeHead(user === 'error' ? 400 : 200, { 'content-type': 'application/json', ...encoding });
      res.end(JSON.stringify(user === 'text' ? { text: JSON.stringify({ usage }) } : { usage }));
    });
    const gateway = await world.gateway(fixedModel([backend.url]));
    const users = ['error', 'encoded', 'text'];
    for (const user of users)
      await new Exchange(completions(gateway), { model: 'm', messages: [], user }).end;
    await untilMetric(gateway, answered, users.length);
    expect(await tokensOf(gateway)).toEqual([0, 0, 0]);
  });

  it('counts the clients that leave: while they wait for the answer, and during it', async () => {
    const backend = await world.backend((res, _req, sent) => {
      if (!sent.includes('"silent"'))
        res.writeHead(200, { 'content-type': 'text/event-stream' }).write(delta);
    });
    const gateway = await world.gateway(fixedModel([backend.url]));
    const streaming = new Exchange(completions(gateway), { model: 'm', stream: true, messages: [] });
    await streaming.until(/words/);
    streaming.abort();
    await untilMetric(gateway, 'pilotlight_client_aborts_total{model="m",phase="during_answer"}', 1);
    const silent = new Exchange(completions(gateway), { model: 'm', messages: [], user: 'silent' });
    await untilMetric(gateway, 'pilotlight_in_flight_requests{model="m"}', 1);
    silent.abort();
    await untilMetric(gateway, 'pilotlight_client_aborts_total{model="m",phase="before_answer"}', 1);
    expect(await metric(gateway, 'pilotlight_requests_total{model="m",outcome="gone"}')).toBe(2);
  });

  it('counts failed starts by phase, and what names no model without its name', async () => {
    const gateway = await world.gateway(
      `  m: { backend: { driver: process, command: [/bin/sh, -c, "exit 3"] } }`,
    );
    expect((await fetch(completions(gateway), chat('m'))).status).toBe(503);
    expect((await fetch(completions(gateway), chat('no-such-model'))).status).toBe(404);
    await untilMetric(gateway, 'pilotlight_requests_total{model="",outcome="model_not_found"}', 1);
    expect(await metric(gateway, 'pilotlight_requests_total{model="m",outcome="start_failed"}')).toBe(1);
    expect(await metric(gateway, 'pilotlight_failed_starts_total{model="m",phase="spawned"}')).toBe(1);
    expect(await metric(gateway, 'pilotlight_revisions{model="m",state="failed"}')).toBe(1);
  });

  it('forgets a model that a reload removes, and counts reloads', async () => {
    const backend = await world.backend((res) => res.end('{}'));
    const gateway = await world.gateway(fixedModel([backend.url]));
    await (await fetch(completions(gateway), chat('m'))).text();
    await untilMetric(gateway, answered, 1);
    gateway.app.reload(settingsOf(fixedModel([backend.url]).replace('m:', 'other:')));
    gateway.app.refuseReload('a fault');
    const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(page).not.toContain('model="m"');
    expect(page).toContain('pilotlight_queue_requests{model="other"} 0');
    expect(page).toContain('pilotlight_config_reloads_total{outcome="taken"} 1');
    expect(page).toContain('pilotlight_config_reloads_total{outcome="refused"} 1');
  });
});

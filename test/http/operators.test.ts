import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chat, type Gateway } from '../support/gateway.ts';
import { processModel } from '../support/world.ts';
import { Fixture } from './fixture.ts';

const fixture = new Fixture();
let gateway: Gateway;

beforeAll(async () => {
  gateway = await fixture.gateway(processModel(100));
});
afterAll(() => fixture.close());

interface View {
  readonly model: string;
  readonly state: string;
  readonly etaMs: number | null;
  readonly replicas: readonly { readonly state: string; readonly origin: string | null }[];
  readonly lastStarts: readonly {
    readonly outcome: string;
    readonly steps: readonly { readonly name: string; readonly offsetMs: number }[];
  }[];
}

const api = async (path: string, method = 'GET') => {
  const response = await fetch(`${gateway.adminUrl}/api/models${path}`, { method });
  expect(response.status).toBe(200);
  return response.json();
};
const view = async () => (await api('/m')) as View;
const until = (state: string) => vi.waitUntil(async () => (await view()).state === state, { interval: 10 });
const ask = () => fetch(`${gateway.url}/v1/chat/completions`, chat('m'));

describe('an operator, over the admin API', () => {
  it('lists the models', async () => {
    expect(await api('')).toMatchObject({ models: [{ model: 'm', state: 'cold', replicas: [] }] });
  });

  it('warms a model without a request, and sees its start as a waterfall', async () => {
    expect(await api('/m/warm', 'POST')).toMatchObject({ model: 'm', state: 'starting' });
    await until('ready');
    const { replicas, lastStarts } = await view();
    expect(replicas).toMatchObject([{ state: 'ready', origin: expect.stringMatching(/^http:\/\/127/) }]);
    const [start] = lastStarts;
    expect(start).toMatchObject({ outcome: 'ready' });
    const names = start!.steps.map(({ name }) => name);
    // Whether it is seen while it loads is a matter of chance.
    expect(names.filter((name) => name !== 'loading')).toEqual(['spawned', 'port open', 'ready']);
    const offsets = start!.steps.map(({ offsetMs }) => offsetMs);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  });

  it('stops it: its process is gone, and a request starts another', async () => {
    await api('/m/warm', 'POST');
    await until('ready');
    const { pid } = (await (await ask()).json()) as { pid: number };
    await api('/m/stop', 'POST');
    await until('cold');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(((await (await ask()).json()) as { pid: number }).pid).not.toBe(pid);
  });

  it('pauses it, which refuses everybody, until it resumes it', async () => {
    expect(await api('/m/pause', 'POST')).toMatchObject({ state: 'paused' });
    const refused = await ask();
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: 'paused' } }]);
    await vi.waitUntil(async () => (await view()).replicas.length === 0, { interval: 10 });
    await api('/m/resume', 'POST');
    expect((await ask()).status).toBe(200);
  });
});

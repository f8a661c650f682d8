import { afterEach, describe, expect, it } from 'vitest';
import type { ScaleView } from '../../src/config/run-time-scale.ts';
import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';
import { type DecidedView, decided, heldModel, hold } from '../support/held-model.ts';
import { ask, operate, untilState, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A model `m` that is ready at once. */
const model = (scale: string) => heldModel(0, scale);

interface Answer {
  readonly status: number;
  readonly body: ScaleView & { readonly error?: { readonly code: string; readonly message: string } };
}

async function send(gateway: Gateway, method: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${gateway.adminUrl}/api/models/m/scale`, { method, ...init });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

function patch(gateway: Gateway, body: unknown, type = 'application/json'): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return send(gateway, 'PATCH', { body: text, headers: { 'content-type': type } });
}

type View = DecidedView & { readonly overrides: object; readonly overridesFault: string | null };
const view = async (gateway: Gateway) => (await decided(gateway)) as View;

/** Polls until so many replicas take requests and there are no others. */
async function untilCount(gateway: Gateway, count: number): Promise<void> {
  const seen = async () => {
    const { ready, replicas } = await view(gateway);
    return [ready, replicas.length];
  };
  await expect.poll(seen, { timeout: 20_000, interval: 20 }).toEqual([count, count]);
}

describe('PATCH of the scale of a running model', () => {
  it('raises min: replicas come up without a request, and go again when it is taken back', async () => {
    const gateway = await world.gateway(model('max: 2, idle: 100ms'));
    const { status, body } = await patch(gateway, { min: 2 });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: 'm',
      scale: { min: 2, max: 2, idle: '100ms', buffer: 0 },
      overrides: { min: 2 },
      overridesFault: null,
    });
    await untilCount(gateway, 2);
    expect(await send(gateway, 'GET')).toEqual({ status, body });
    expect((await view(gateway)).overrides).toEqual({ min: 2 });
    const back = await send(gateway, 'DELETE');
    expect(back).toMatchObject({ status: 200, body: { scale: { min: 0, max: 2 }, overrides: {} } });
    await untilCount(gateway, 0);
  });

  it('lowers max: one of two replicas ends after its request, and the other stays', async () => {
    const gateway = await world.gateway(model('min: 2, max: 2'));
    await untilCount(gateway, 2);
    const running = hold(gateway, 500);
    await expect.poll(async () => (await view(gateway)).inFlight).toBe(1);
    expect((await patch(gateway, { min: 1, max: 1 })).status).toBe(200);
    await untilCount(gateway, 1);
    expect([(await running.head).statusCode, await running.end]).toEqual([200, 'whole']);
    expect((await view(gateway)).ready).toBe(1);
  });

  it('raises max while requests wait: they get another replica', async () => {
    const gateway = await world.gateway(model('max: 1'));
    hold(gateway);
    const second = ask(gateway);
    await expect.poll(async () => (await view(gateway)).queue.waiting).toBe(1);
    await untilCount(gateway, 1);
    await patch(gateway, { max: 2 }, 'application/merge-patch+json');
    expect((await second.head).statusCode).toBe(200);
  });

  it('shortens idle: a model that was to stay for hours ends now', async () => {
    const gateway = await world.gateway(model('idle: 5h'));
    await ask(gateway).end;
    await untilCount(gateway, 1);
    await patch(gateway, { idle: '50ms' });
    await untilCount(gateway, 0);
    expect((await view(gateway)).lastStarts).toHaveLength(1);
  });

  it('opens a window of time: the model is up within it', async () => {
    const gateway = await world.gateway(model(''));
    const schedules = [{ cron: '* * * * * *', for: '1m', min: 1 }];
    const { body } = await patch(gateway, { schedules });
    expect(body.scale).toMatchObject({ schedules: [{ ...schedules[0], timeZone: 'UTC' }] });
    await untilCount(gateway, 1);
    expect((await view(gateway)).decision).toBe('min is 1 (schedule * * * * * * UTC)');
  });

  it("changes one of the KPA's settings and keeps the others", async () => {
    const gateway = await world.gateway(model('policy: kpa, kpa: { window: 6s, scaleToZeroGrace: 5s }'));
    const { body } = await patch(gateway, { kpa: { scaleToZeroGrace: '1s' } });
    expect(body.scale).toMatchObject({ kpa: { window: '6s', scaleToZeroGrace: '1s' } });
    expect(body.overrides).toEqual({ kpa: { scaleToZeroGrace: '1s' } });
  });

  it('starts nothing while the model is paused, and holds when it is resumed', async () => {
    const gateway = await world.gateway(model(''));
    await operate(gateway, 'pause');
    expect((await patch(gateway, { min: 1 })).status).toBe(200);
    expect(await view(gateway)).toMatchObject({ state: 'paused', replicas: [], lastStarts: [] });
    await operate(gateway, 'resume');
    await untilState(gateway, 'ready');
  });
});

describe('what was changed at run time', () => {
  it('outlives a change of the file, which holds for all other keys', async () => {
    const gateway = await world.gateway(model('max: 2, idle: 5h'));
    await patch(gateway, { min: 1 });
    gateway.app.reload(settingsOf(model('max: 3, idle: 4h')));
    const { body } = await send(gateway, 'GET');
    expect(body).toMatchObject({ scale: { min: 1, max: 3, idle: '4h' }, overrides: { min: 1 } });
    await untilCount(gateway, 1);
  });

  it('is kept, and told as not in force, where a changed file does not allow it', async () => {
    const gateway = await world.gateway(model('max: 2, idle: 50ms'));
    await patch(gateway, { min: 2 });
    await untilCount(gateway, 2);
    gateway.app.reload(settingsOf(model('max: 1, idle: 50ms')));
    await untilCount(gateway, 0);
    expect(await view(gateway)).toMatchObject({
      overrides: { min: 2 },
      overridesFault: 'scale.min: must be at most scale.max, which is 1',
    });
    gateway.app.reload(settingsOf(model('max: 2, idle: 50ms')));
    await untilCount(gateway, 2);
    expect((await view(gateway)).overridesFault).toBeNull();
  });

  it('is forgotten with its model', async () => {
    const gateway = await world.gateway(model(''));
    await patch(gateway, { min: 1 });
    await untilCount(gateway, 1);
    gateway.app.reload(settingsOf(model('').replace('m:', 'other:')));
    expect((await send(gateway, 'GET')).body.error?.code).toBe('model_not_found');
    gateway.app.reload(settingsOf(model('')));
    const { body } = await send(gateway, 'GET');
    expect(body).toMatchObject({ scale: { min: 0 }, overrides: {}, overridesFault: null });
  });
});

describe('a patch that cannot be taken', () => {
  it.each([
    [
      'a broken rule',
      '{"min":2}',
      400,
      'invalid_settings',
      'scale.min: must be at most scale.max, which is 1',
    ],
    [
      'an unknown key',
      '{"mxa":2}',
      400,
      'invalid_settings',
      'scale.mxa: is not a known key (did you mean max?)',
    ],
    ['a list', '[]', 400, 'invalid_settings', 'scale: must be a map'],
    ['no JSON', '{"min":', 400, 'invalid_body', 'the body is not JSON'],
    ['nothing', '', 400, 'invalid_body', 'the request has no body'],
    ['far too much', `{"min":"${'x'.repeat(70_000)}"}`, 413, 'body_too_large', '65536 bytes'],
  ])('is refused and changes nothing: %s', async (_what, text, status, code, message) => {
    const gateway = await world.gateway(model('max: 1'));
    const before = await send(gateway, 'GET');
    const refused = await patch(gateway, text);
    expect([refused.status, refused.body.error]).toEqual([
      status,
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    ]);
    expect(await send(gateway, 'GET')).toEqual(before);
  });

  it('is refused in any other form, by any other method, and for a model that is not there', async () => {
    const gateway = await world.gateway(model(''));
    const form = await patch(gateway, 'min=1', 'application/x-www-form-urlencoded');
    expect([form.status, form.body.error?.message]).toEqual([
      400,
      'the content-type must be application/json or application/merge-patch+json',
    ]);
    const put = await fetch(`${gateway.adminUrl}/api/models/m/scale`, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH, DELETE']);
    const other = await fetch(`${gateway.adminUrl}/api/models/other/scale`, { method: 'DELETE' });
    expect(other.status).toBe(404);
  });

  it('is refused from a page of another origin, and without the token where there is one', async () => {
    const open = await world.gateway(model(''));
    const headers = { 'content-type': 'application/json', origin: 'https://evil.example' };
    const page = await send(open, 'PATCH', { body: '{"min":1}', headers });
    expect([page.status, page.body.error?.code]).toEqual([403, 'forbidden_origin']);
    const settings = settingsOf(model(''));
    const admin = { ...settings.server.admin, token: 'secret' };
    const guarded = await startGateway({ ...settings, server: { ...settings.server, admin } });
    world.onClose(() => guarded.close());
    expect((await patch(guarded, { min: 1 })).body.error?.code).toBe('invalid_admin_token');
    const body = '{"max":2}';
    const authorized = { 'content-type': 'application/json', authorization: 'Bearer secret' };
    expect((await send(guarded, 'PATCH', { body, headers: authorized })).status).toBe(200);
  });
});

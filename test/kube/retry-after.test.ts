import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { KubeApi } from '../../src/kube/api.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { failureOf } from '../../src/kube/failure.ts';
import type { Kept, Mirrors } from '../../src/kube/mirror.ts';
import { createMirrors } from '../../src/kube/mirrors.ts';
import { accessTo } from '../support/kube-access.ts';
import { KubeServer } from '../support/kube-server.ts';
import { ManualClock } from '../support/manual-clock.ts';

const path = '/api/v1/namespaces/llm/pods';

it.each([
  ['7', 7_000],
  ['0.05', 50],
  ['0', 0],
  ['3600', 3_600_000],
  ['-1', null],
  ['', null],
  ['soon', null],
  ['0x10', null],
  ['Wed, 21 Oct 2026 07:28:00 GMT', null],
  [undefined, null],
])('a Retry-After of %s is one of %s ms', (told, retryAfterMs) => {
  const head = { statusCode: 429, headers: { 'retry-after': told } };
  expect(failureOf({ method: 'GET', path }, head, '')).toMatchObject({ retryAfterMs });
});

describe('a mirror that is told to wait', () => {
  const { signal } = new AbortController();
  const clock = new ManualClock();
  let server: KubeServer;
  let api: KubeApi;
  let mirrors: Mirrors;
  beforeEach(async () => {
    server = await KubeServer.start();
    api = createKubeApi({ access: accessTo(server), clock: systemClock, userAgent: 'test' });
    mirrors = createMirrors({ api, clock, random: () => 0, onFault: () => undefined });
  });
  afterEach(async () => {
    await mirrors.close();
    await api.close();
    await server.close();
  });

  it.each([200, 3_600, 1e9])('for %s s asks again after a minute', async (retryAfterS) => {
    const heal = server.fault({ kind: 'status', verb: 'list', status: 429, retryAfterS });
    const { mirror } = mirrors.use({ path, project: (): Kept | null => null });
    await expect.poll(() => mirror.fault?.status).toBe(429);
    heal();
    await clock.advance(59_999);
    expect(server.requests).toHaveLength(1);
    await clock.advance(1);
    await mirror.synced(5_000, signal);
    expect(server.requests.length).toBeGreaterThan(1);
  });
});

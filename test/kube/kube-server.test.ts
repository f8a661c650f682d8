import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeServer } from '../support/kube-server.ts';

const deployments = '/apis/apps/v1/namespaces/llm/deployments';
let server: KubeServer;
beforeEach(async () => {
  server = await KubeServer.start();
});
afterEach(() => server.close());

async function ask(method: string, path: string, body?: object) {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const res = await fetch(server.url + path, init);
  return { status: res.status, body: (await res.json()) as Record<string, unknown> };
}

describe('the API server of the tests', () => {
  it('scales by the subresource and refuses a stale version', async () => {
    server.put(`${deployments}/a`, { spec: { replicas: 0, selector: { matchLabels: { app: 'a' } } } });
    const { body } = await ask('GET', `${deployments}/a/scale`);
    expect(body).toMatchObject({ kind: 'Scale', spec: {}, status: { selector: 'app=a' } });
    const wanted = { metadata: body.metadata, spec: { replicas: 2 } };
    expect((await ask('PUT', `${deployments}/a/scale`, wanted)).status).toBe(200);
    expect(server.get(`${deployments}/a`)?.spec).toMatchObject({ replicas: 2 });
    expect((await ask('PUT', `${deployments}/a/scale`, wanted)).status).toBe(409);
  });

  it('lists in pages, and forgets a page that was begun before a compaction', async () => {
    for (const name of ['a', 'b', 'c']) server.put(`${deployments}/${name}`, {});
    const first = await ask('GET', `${deployments}?limit=2`);
    const token = (first.body.metadata as { continue: string }).continue;
    const next = await ask('GET', `${deployments}?limit=2&continue=${token}`);
    expect([first, next].map(({ body }) => (body.items as object[]).length)).toEqual([2, 1]);
    server.compact();
    expect((await ask('GET', `${deployments}?limit=2&continue=${token}`)).status).toBe(410);
  });

  it('replays a watch, and tells 410 in the stream for a version that is forgotten', async () => {
    const { metadata } = server.put(`${deployments}/a`, {});
    server.put(`${deployments}/b`, {});
    server.delete(`${deployments}/b`);
    const path = `${server.url}${deployments}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const stream = await fetch(path);
    await expect.poll(() => server.watchCount(deployments)).toBe(1);
    server.endWatches();
    const types = (await stream.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(types).toEqual(['ADDED', 'DELETED']);
    server.compact();
    expect(JSON.parse(await (await fetch(path)).text())).toMatchObject({
      type: 'ERROR',
      object: { code: 410 },
    });
  });
});

import { lookup } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment, TestNamespace } from './support/cluster.ts';
import { livingPods } from './support/pods.ts';

interface Service {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly clusterIP: string };
}

let place: TestNamespace;

/** What comes of a request to the Service. */
async function answerOf(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/health`, { headers: { connection: 'close' } });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return ((error as Error).cause as NodeJS.ErrnoException).code ?? String(error);
  }
}

beforeEach(() => {
  place = new TestNamespace();
});
afterEach(() => place.close());

describe('a Service of the suite', () => {
  it('has a name and an address, refuses without pods, leads to those that are ready, and goes', async () => {
    place.apply(deployment({ name: 'llama', gpus: 0 }));
    const name = `llama.${place.name}.svc`;
    await expect.poll(() => answerOf(`http://${name}`)).toBe('ECONNREFUSED');
    const [service] = place.list<Service>('services').filter(({ metadata }) => metadata.name === 'llama');
    for (const each of [name, `${name}.cluster.local`])
      expect(await lookup(each, { all: true })).toEqual([{ address: service!.spec.clusterIP, family: 4 }]);
    await expect(lookup(`nobody.${place.name}.svc`)).rejects.toThrow('ENOTFOUND');
    place.scale('llama', 2);
    await expect.poll(() => answerOf(`http://${name}`)).toBe('200');
    place.scale('llama', 0);
    await expect.poll(() => livingPods(place)).toEqual([]);
    await expect.poll(() => answerOf(`http://${name}`)).toBe('ECONNREFUSED');
    place.kubectl(['delete', 'service', 'llama']);
    await expect.poll(() => answerOf(`http://${name}`)).toBe('ENOTFOUND');
  });
});

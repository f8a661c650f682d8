import { describe, expect, it } from 'vitest';
import { modelFromAnnotations, modelFromObject } from '../../src/config/found-model.ts';
import { fitTogether } from '../../src/config/packing.ts';
import { ModelSources } from '../../src/model-sources.ts';
import { faultsOf, parse } from './parse.ts';

const gib = 1024 ** 3;

/** Models by what stands in each, besides a backend of this machine. */
const models = (byName: Record<string, string>, driver = 'process') => {
  const backend =
    driver === 'process'
      ? '{ driver: process, command: [serve, "{port}"] }'
      : '{ driver: kubernetes, scaleTarget: deployment/NAME }';
  const lines = Object.entries(byName).map(
    ([name, more]) => `  ${name}: { backend: ${backend.replace('NAME', name)}, ${more} }\n`,
  );
  return `models:\n${lines.join('')}`;
};

const twoCards = 'gpus: [{ id: 0, memory: 24GiB }, { id: 1, memory: 10GiB }]\n';
const pools = 'gpus: [{ pool: a100, count: 2 }, { pool: l4, count: 4 }]\n';

describe('what is shared', () => {
  it('is nothing unless it is said', () => {
    const settings = parse(models({ a: '' }));
    expect(settings.shared).toBeNull();
    expect(settings.models.get('a')!.revision.needs).toBeNull();
  });

  it('is what the keys say, with defaults', () => {
    const text = `${twoCards}hostMemory: 64GiB\nscale: { maxStarting: 2 }\ngroups: { g: { members: [a], persistent: true } }\n`;
    expect(parse(text + models({ a: 'needs: { memory: 5GiB }' })).shared).toEqual({
      gpus: [
        { id: '0', memoryBytes: 24 * gib, pool: null, isOfCluster: false },
        { id: '1', memoryBytes: 10 * gib, pool: null, isOfCluster: false },
      ],
      hostBytes: 64 * gib,
      maxStarting: 2,
      maxPassMs: 120_000,
      groups: [{ name: 'g', members: ['a'], isSwapped: false, isExclusive: false, isPersistent: true }],
    });
  });

  it('is only the starts at the same time where no GPU is named', () => {
    expect(parse(`scale: { maxStarting: 1 }\n${models({ a: '' })}`).shared).toMatchObject({
      gpus: [],
      hostBytes: null,
      maxStarting: 1,
    });
  });

  it('counts the GPUs of a pool one by one', () => {
    const { gpus } = parse(pools + models({ a: 'needs: { pool: l4 }' }, 'kubernetes')).shared!;
    expect((gpus as readonly { id: string }[]).map(({ id }) => id)).toEqual([
      ...['a100/0', 'a100/1'],
      ...['l4/0', 'l4/1', 'l4/2', 'l4/3'],
    ]);
  });

  it('takes UUIDs, and those of the machine with auto', () => {
    const uuid = 'GPU-8f1c6b3e-1d2a-4b5c-9d8e-7f6a5b4c3d2e';
    expect(parse(`gpus: [{ id: ${uuid}, memory: 1GiB }]\n${models({ a: '' })}`).shared!.gpus).toMatchObject([
      { id: uuid },
    ]);
    expect(parse(`gpus: auto\n${models({ a: 'needs: { gpus: 8, memory: 900GiB }' })}`).shared!.gpus).toBe(
      'auto',
    );
  });
});

describe('what a replica needs', () => {
  const needsOf = (needs: string) =>
    parse(`${twoCards}hostMemory: 8GiB\n${models({ a: `needs: ${needs}` })}`).models.get('a')!.revision.needs;

  it.each([
    ['{}', { gpus: 1, memoryBytes: null, hostBytes: 0, pool: null, isLearned: false }],
    ['{ gpus: 0, hostMemory: 1GiB }', { gpus: 0, hostBytes: gib, isLearned: false }],
    ['{ memory: 20GiB }', { gpus: 1, memoryBytes: 20 * gib, isLearned: false }],
    ['auto', { gpus: 1, memoryBytes: null, isLearned: true }],
    ['{ gpus: 2, memory: auto }', { gpus: 2, memoryBytes: null, isLearned: true }],
  ])('%s', (text, needs) => expect(needsOf(text)).toMatchObject(needs));
});

describe('faults', () => {
  it.each([
    ['needs without gpus', models({ a: 'needs: {}' }), 'models.a.needs.gpus', 'of which there is none'],
    [
      'more GPUs than there are',
      twoCards + models({ a: 'needs: { gpus: 3 }' }),
      'models.a.needs.gpus',
      'must be at most the count of gpus, which is 2',
    ],
    [
      'more memory than the largest has',
      twoCards + models({ a: 'needs: { memory: 25GiB }' }),
      'models.a.needs.memory',
      'must be at most 24GiB, which the largest of gpus has',
    ],
    [
      'more memory than two have',
      twoCards + models({ a: 'needs: { gpus: 2, memory: 11GiB }' }),
      'models.a.needs.memory',
      'must be at most 10GiB, which the smallest of the 2 largest of gpus has',
    ],
    [
      'more memory of the host',
      `hostMemory: 1GiB\n${models({ a: 'needs: { gpus: 0, hostMemory: 2GiB }' })}`,
      'models.a.needs.hostMemory',
      'must be at most hostMemory at the root, which is 1GiB',
    ],
    [
      'memory of a host that has no budget',
      twoCards + models({ a: 'needs: { hostMemory: 2GiB }' }),
      'models.a.needs.hostMemory',
      'which is not set at the root',
    ],
    [
      'a pool that there is not',
      twoCards + models({ a: 'needs: { pool: h100 }' }),
      'models.a.needs.pool',
      'names no pool of gpus',
    ],
    [
      'no pool where there are two',
      pools + models({ a: 'needs: {}' }, 'kubernetes'),
      'models.a.needs.pool',
      'is required: gpus has the pools a100, l4',
    ],
    [
      'more than a pool has',
      pools + models({ a: 'needs: { gpus: 3, pool: a100 }' }, 'kubernetes'),
      'models.a.needs.gpus',
      'must be at most the count of gpus of pool a100, which is 2',
    ],
    [
      'a process on the GPUs of a cluster',
      pools + models({ a: 'needs: { pool: l4 }' }),
      'models.a.needs.gpus',
      'cannot be had by process: gpus names pools of a cluster',
    ],
    [
      'a workload of a cluster on the GPUs of this machine',
      twoCards + models({ a: 'needs: {}' }, 'kubernetes'),
      'models.a.needs.gpus',
      'cannot be had by kubernetes: gpus names those of this machine',
    ],
    [
      'memory of a GPU of a cluster',
      pools + models({ a: 'needs: { memory: 1GiB, pool: l4 }' }, 'kubernetes'),
      'models.a.needs.memory',
      'GPUs of a cluster are taken whole',
    ],
    [
      'learned memory of a cluster',
      pools + models({ a: 'needs: auto' }, 'kubernetes'),
      'models.a.needs',
      'auto does not apply to kubernetes',
    ],
    [
      "a count that is others'",
      pools + models({ a: 'needs: { pool: l4 }, scale: { owner: external }' }, 'kubernetes'),
      'models.a.needs',
      'does not go with scale.owner external',
    ],
    [
      'needs of replicas that are never started',
      `${twoCards}models: { a: { backend: { driver: static, urls: ["http://127.0.0.1:1"] }, needs: {} } }`,
      'models.a.needs',
      'does not apply to static',
    ],
    [
      'a GPU twice',
      `gpus: [{ id: 0, memory: 1GiB }, { id: "0", memory: 1GiB }]\n${models({ a: '' })}`,
      'gpus[1]',
      'names GPU 0 twice',
    ],
    [
      'a pool twice',
      `gpus: [{ pool: a, count: 1 }, { pool: a, count: 1 }]\n${models({ a: '' })}`,
      'gpus[1]',
      'names pool a twice',
    ],
    [
      'both kinds of GPUs',
      `gpus: [{ pool: a, count: 1 }, { id: 0, memory: 1GiB }]\n${models({ a: '' })}`,
      'gpus[0]',
      'the two do not mix',
    ],
    ['a GPU without memory', `gpus: [{ id: 0 }]\n${models({ a: '' })}`, 'gpus[0].memory', 'is required'],
    ['an id that is none', `gpus: [{ id: "a b", memory: 1GiB }]\n${models({ a: '' })}`, 'gpus[0].id', 'UUID'],
    [
      'a member that is no model',
      `${twoCards}groups: { g: { members: [b] } }\n${models({ a: '' })}`,
      'groups.g.members[0]',
      'names no model: b',
    ],
    [
      'a member of two groups',
      `${twoCards}groups: { g: { members: [a] }, h: { members: [a] } }\n${models({ a: '' })}`,
      'groups.h.members[0]',
      'a is in the group g already',
    ],
    [
      'a group that would never let others run',
      `${twoCards}groups: { g: { members: [a], exclusive: true, persistent: true } }\n${models({ a: '' })}`,
      'groups.g.persistent',
      'does not go with exclusive',
    ],
    [
      'kept replicas that do not fit at once',
      twoCards + models({ a: 'needs: {}, scale: { min: 1 }', b: 'needs: { gpus: 2 }, scale: { min: 1 }' }),
      'models.a.scale.min',
      'there is no room for the replicas of a, b at once',
    ],
    [
      'a model that never fits beside kept replicas',
      twoCards + models({ a: 'needs: { memory: 20GiB }, scale: { min: 1 }', b: 'needs: { memory: 12GiB }' }),
      'models.b.needs',
      'never fits beside what is kept by scale.min: a',
    ],
    [
      'a placeholder for GPUs that are not needed',
      'models: { a: { backend: { driver: process, command: [serve, "--gpus={gpus}"] } } }',
      'models.a.backend.command[1]',
      '{gpus} is filled in for a model with needs.gpus',
    ],
  ])('%s', (_, text, path, message) => {
    const faults = faultsOf(text);
    expect(faults.map((fault) => fault.path)).toEqual([path]);
    expect(faults[0]!.message).toContain(message);
  });

  it('none where kept replicas fit in one way only', () => {
    const text =
      twoCards +
      models({
        a: 'needs: { memory: 8GiB }, scale: { min: 1 }',
        b: 'needs: { memory: 24GiB }, scale: { min: 1 }',
        c: 'needs: { gpus: 1, memory: 2GiB }',
      });
    expect(parse(text).models.size).toBe(3);
  });

  it('none where what is kept goes for the other of its swapped group, or of an exclusive one', () => {
    const text = (group: string) =>
      `${twoCards}groups: { g: ${group} }\n${models({
        a: 'needs: { gpus: 2 }, scale: { min: 1 }',
        b: 'needs: { gpus: 2 }',
      })}`;
    expect(parse(text('{ members: [a, b], swap: true }')).models.size).toBe(2);
    expect(parse(text('{ members: [b], exclusive: true }')).models.size).toBe(2);
    expect(faultsOf(text('{ members: [a, b] }'))).not.toEqual([]);
  });
});

describe('packing', () => {
  const gpus = (...sizes: number[]) =>
    sizes.map((memoryBytes, at) => ({ id: String(at), pool: null, memoryBytes }));
  const one = (memoryBytes: number | null, count = 1) => {
    return { gpus: count, memoryBytes, hostBytes: 0, pool: null };
  };

  it('finds the one way that there is, where the largest first would not', () => {
    const replicas = [6, 5, 5, 4].map((bytes) => one(bytes));
    expect(fitTogether(replicas, { gpus: gpus(10, 10), hostBytes: null })).toBe(true);
    expect(fitTogether([...replicas, one(1)], { gpus: gpus(10, 10), hostBytes: null })).toBe(false);
  });

  it('takes a whole GPU only where nobody is', () => {
    expect(fitTogether([one(null), one(1)], { gpus: gpus(10), hostBytes: null })).toBe(false);
    expect(fitTogether([one(null, 2), one(1)], { gpus: gpus(10, 10, 10), hostBytes: null })).toBe(true);
  });

  it('counts the host', () => {
    const needs = { ...one(1), hostBytes: 6 };
    expect(fitTogether([needs, needs], { gpus: gpus(10), hostBytes: 11 })).toBe(false);
    expect(fitTogether([needs, needs], { gpus: gpus(10), hostBytes: 12 })).toBe(true);
  });
});

describe('models that are found in a cluster', () => {
  const object = (needs: object) =>
    modelFromObject({
      name: 'm',
      namespace: 'llm',
      spec: { backend: { scaleTarget: 'deployment/m' }, needs },
    });

  it('say their needs, in the object or by annotations', () => {
    expect(object({ pool: 'l4' })).toMatchObject({
      settings: { revision: { needs: { gpus: 1, pool: 'l4' } } },
    });
    const annotations = {
      'pilotlight.dev/model': 'm',
      'pilotlight.dev/gpus': '2',
      'pilotlight.dev/gpu-pool': 'l4',
    };
    const workload = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'm', namespace: 'llm', annotations };
    expect(modelFromAnnotations(workload)).toMatchObject({
      settings: { revision: { needs: { gpus: 2, pool: 'l4', memoryBytes: null } } },
    });
    expect(object({ memory: '1GiB' })).toMatchObject({ faults: [{ path: 'spec.needs.memory' }] });
  });

  it.each([
    ['the file has no such pool', pools, 'needs.pool: names no pool of gpus: those are a100, l4'],
    ['the file has no GPUs', '', 'needs.gpus: takes part of gpus, of which there is none at the root'],
  ])('are refused where %s', (_, text, message) => {
    const sources = new ModelSources(parse(`${text}kubernetes: { discovery: { models: true } }\n`), 'llm');
    const reading = object({ pool: 'h100' });
    if (!('settings' in reading)) throw new Error('it has faults');
    const found = { settings: reading.settings, source: 'model', createdAtMs: 0, key: 'llm/m' } as const;
    expect([...sources.takeFound([found]).models.keys()]).toEqual([]);
    expect(sources.refused).toEqual([{ source: 'model', key: 'llm/m', message }]);
  });
});

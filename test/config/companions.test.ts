import { describe, expect, it } from 'vitest';
import { modelFromAnnotations, modelFromObject } from '../../src/config/found-model.ts';
import { faultsOf, parse } from './parse.ts';

const model = (name: string, more = '') =>
  `  ${name}: { backend: { driver: process, command: [server, "{port}"] }, ${more} }\n`;
const file = (...models: string[]) => `models:\n${models.join('')}`;
const spec = { backend: { scaleTarget: 'deployment/d' } };

describe('wakeWith', () => {
  it('names other models, by name or alias, also each other', () => {
    const { models } = parse(
      file(
        model('chat', 'wakeWith: [embed, rank]'),
        model('embedder', 'aliases: [embed], wakeWith: [rank]'),
        model('rank', 'wakeWith: [chat]'),
      ),
    );
    expect([...models.values()].map(({ wakeWith }) => wakeWith)).toEqual([
      ['embed', 'rank'],
      ['rank'],
      ['chat'],
    ]);
  });

  it.each([
    ['embeder', 'embeder is no model and no alias', 'did you mean embedder?'],
    ['gpt-4o', 'gpt-4o is no model and no alias', null],
    ['chat', 'chat is the model itself', null],
    ['talk', 'talk is the model itself', null],
  ])('is refused where it names %s', (name, message, hint) => {
    const text = file(model('chat', `aliases: [talk], wakeWith: [embedder, ${name}]`), model('embedder'));
    expect(faultsOf(text)).toMatchObject([{ path: 'models.chat.wakeWith[1]', line: 2, message, hint }]);
  });

  it('may name a model that only the cluster has, where models are found there', () => {
    const found = 'kubernetes: { discovery: { models: true } }\n';
    const text = file(model('chat', 'wakeWith: [embedder]'));
    expect(parse(found + text).models.get('chat')?.wakeWith).toEqual(['embedder']);
    expect(faultsOf(found + file(model('chat', 'wakeWith: [chat]')))).toHaveLength(1);
  });

  it('is not blamed for an alias of a model that has another fault', () => {
    const text = file(model('chat', 'wakeWith: [embed]'), model('embedder', 'aliases: [embed], cold: no'));
    expect(faultsOf(text).map(({ path }) => path)).toEqual(['models.embedder.cold']);
  });

  it('is a key of Model objects and an annotation with commas between the names', () => {
    const object = modelFromObject({
      name: 'm',
      namespace: 'llm',
      spec: { ...spec, wakeWith: ['embedder', 'rank'] },
    });
    const annotations = { 'pilotlight.dev/model': 'm', 'pilotlight.dev/wake-with': 'embedder, rank' };
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', namespace: 'llm' };
    for (const reading of [object, modelFromAnnotations({ annotations, ...target })])
      expect(reading).toMatchObject({ settings: { wakeWith: ['embedder', 'rank'] } });
    expect(
      modelFromAnnotations({ annotations: { ...annotations, 'pilotlight.dev/wake-with': 'm' }, ...target }),
    ).toEqual({ faults: [{ path: 'pilotlight.dev/wake-with', message: 'm is the model itself' }] });
  });
});

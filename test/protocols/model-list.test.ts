import { expect, it } from 'vitest';
import { renderModel, renderModelList } from '../../src/protocols/model-list.ts';

const llama = { id: 'llama "3"', createdS: 1_700_000_000, ownedBy: 'pilotlight' };
const shown = { id: 'llama "3"', object: 'model', created: 1_700_000_000, owned_by: 'pilotlight' };

it('renders a list of models as OpenAI does', () => {
  expect(JSON.parse(renderModelList([llama]))).toEqual({ object: 'list', data: [shown] });
  expect(JSON.parse(renderModelList([]))).toEqual({ object: 'list', data: [] });
});

it('renders one model as OpenAI does', () => {
  expect(JSON.parse(renderModel(llama))).toEqual(shown);
});

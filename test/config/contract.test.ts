import { describe, expect, it } from 'vitest';
import { parse } from './parse.ts';

function model(lines: string) {
  const file = `models:\n  m:\n    backend: { driver: static, urls: ["http://10.0.0.7:8000"]${lines}`;
  return parse(file).models.get('m')!;
}

describe('the contract of a model', () => {
  it.each([
    ['openai', '/health', null],
    ['sagemaker', '/ping', null],
    ['cog', '/health-check', 'READY'],
    ['vertex', '/health', null],
    ['runpod', '/', null],
    ['kserve', '/v2/health/ready', null],
    ['raw', '/health', null],
  ])('%s says where its backends tell that they are ready: %s', (contract, path, body) => {
    const { revision } = model(` }\n    contract: ${contract}`);
    expect(revision.ready).toMatchObject({ kind: 'http', path, body, statuses: [200] });
    expect(model(` }\n    contract: { name: ${contract} }`).revision.ready).toMatchObject({ path, body });
  });

  it('gives way to what is written', () => {
    expect(model(', ready: { path: /own } }\n    contract: cog').revision.ready).toMatchObject({
      path: '/own',
      body: null,
    });
    expect(model(', ready: { body: BUSY } }\n    contract: cog').revision.ready).toMatchObject({
      path: '/health-check',
      body: 'BUSY',
    });
  });
});

import { describe, expect, it } from 'vitest';
import { modelNotFound } from '../../src/protocols/model-name.ts';

describe('the error about an unknown model', () => {
  it('names the models that there are', () => {
    const error = modelNotFound('gpt', ['llama', 'org/qwen']);
    expect(error.message).toBe('model "gpt" not found; known: llama, org/qwen');
    expect([error.code, error.param]).toEqual(['model_not_found', 'model']);
  });

  it('names twenty of very many, and says that there are more', () => {
    const known = Array.from({ length: 1_000 }, (_, n) => `m${n}`);
    expect(modelNotFound('gpt', known).message).toMatch(/known: m0, m1, [m\d, ]+m19, \.\.\.$/);
    expect(modelNotFound('gpt', known.slice(0, 20)).message).toMatch(/, m19$/);
  });

  it('repeats only the beginning of a long name, with its line ends escaped', () => {
    expect(modelNotFound('x'.repeat(5_000), []).message.length).toBeLessThan(300);
    expect(modelNotFound('a\r\nb', []).message).toContain('"a\\r\\nb"');
  });
});

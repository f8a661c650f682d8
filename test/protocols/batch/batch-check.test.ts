import { describe, expect, it } from 'vitest';
import { BatchCheck, type BatchVerdict, maxRows } from '../../../src/protocols/batch/batch-check.ts';

const good = {
  custom_id: 'a',
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'llama', messages: [] },
};

function check(lines: readonly unknown[], isOneModel = false): BatchVerdict {
  const checker = new BatchCheck({
    endpoint: '/v1/chat/completions',
    isOneModel,
    modelFault: (model) => (['llama', 'qwen'].includes(model) ? null : `no model "${model}"`),
  });
  let number = 0;
  for (const line of lines) {
    number += 1;
    const text = typeof line === 'string' ? line : JSON.stringify(line);
    if (!checker.take({ number, bytes: Buffer.from(text) })) break;
  }
  return checker.verdict();
}

/** Code, line and parameter of each fault. */
function faultsOf(lines: readonly unknown[], isOneModel = false): [string, number | null, string | null][] {
  return check(lines, isOneModel).faults.map(({ code, line, param }) => [code, line, param]);
}

describe('the check of a batch', () => {
  it('passes rows that are as asked for, and counts them without the empty lines', () => {
    expect(check([good, '', { ...good, custom_id: 'b' }, ''])).toEqual({
      rows: 2,
      model: 'llama',
      faults: [],
    });
  });

  it.each([
    ['{"custom_id": ', 'invalid_json_line', null],
    ['[]', 'invalid_request', null],
    [{ ...good, custom_id: undefined }, 'missing_required_parameter', 'custom_id'],
    [{ ...good, method: undefined }, 'missing_required_parameter', 'method'],
    [{ ...good, url: undefined }, 'missing_required_parameter', 'url'],
    [{ ...good, body: undefined }, 'missing_required_parameter', 'body'],
    [{ ...good, body: {} }, 'missing_required_parameter', 'body.model'],
    [{ ...good, custom_id: 7 }, 'invalid_type', 'custom_id'],
    [{ ...good, custom_id: 'x'.repeat(513) }, 'invalid_type', 'custom_id'],
    [{ ...good, method: 'GET' }, 'invalid_method', 'method'],
    [{ ...good, url: '/v1/embeddings' }, 'url_mismatch', 'url'],
    [{ ...good, body: 'text' }, 'invalid_type', 'body'],
    [{ ...good, body: { model: 'other' } }, 'model_not_found', 'body.model'],
    [{ ...good, body: { model: 'llama', stream: true } }, 'invalid_request', 'body.stream'],
    [{ ...good, body: { model: 'llama', background: true } }, 'invalid_request', 'body.background'],
  ])('tells of %j with the code %s and the line', (line, code, param) => {
    expect(faultsOf([{ ...good, custom_id: 'first' }, line])).toEqual([[code, 2, param]]);
  });

  it('tells of bytes that are not UTF-8 and of a line too long', () => {
    const checker = new BatchCheck({ endpoint: '/v1/embeddings', isOneModel: false, modelFault: () => null });
    checker.take({ number: 1, bytes: Buffer.from([0x7b, 0xff, 0x7d]) });
    checker.take({ number: 2, bytes: null });
    expect(checker.verdict().faults.map(({ code }) => code)).toEqual(['invalid_json_line', 'line_too_large']);
  });

  it("tells of an id that comes twice, in OpenAI's words", () => {
    const { faults } = check([good, good]);
    expect(faults).toEqual([
      {
        code: 'duplicate_custom_id',
        message:
          "The custom_id 'a' for this request is a duplicate of another request. The custom_id parameter must be unique for each request in a batch.",
        param: 'custom_id',
        line: 2,
      },
    ]);
  });

  it("takes several models, or one alone where the platform's own limits hold", () => {
    const rows = [good, { ...good, custom_id: 'b', body: { model: 'qwen' } }, { ...good, custom_id: 'c' }];
    expect(check(rows)).toEqual({ rows: 3, model: null, faults: [] });
    expect(faultsOf(rows, true)).toEqual([['model_mismatch', 2, 'body.model']]);
  });

  it('tells of a file without requests', () => {
    expect(faultsOf([])).toEqual([['empty_file', null, null]]);
    expect(faultsOf(['', ''])).toEqual([['empty_file', null, null]]);
  });

  it('takes 50,000 requests and no more', () => {
    const rows = Array.from({ length: maxRows + 1 }, (_, index) => ({ ...good, custom_id: String(index) }));
    expect(check(rows.slice(0, maxRows)).faults).toEqual([]);
    expect(faultsOf(rows)).toEqual([['too_many_tasks', maxRows + 1, null]]);
  });

  it('stops reading at a hundred faults', () => {
    expect(check(Array.from({ length: 500 }, () => '{')).faults).toHaveLength(100);
  });
});

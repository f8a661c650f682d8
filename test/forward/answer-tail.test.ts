import { describe, expect, it } from 'vitest';
import { AnswerTail, answerTailOf } from '../../src/forward/answer-tail.ts';

const head = { status: 200, statusText: 'OK', fields: [], bodyBytes: null, isEncoded: false };

describe('the tail of an answer', () => {
  it('keeps the beginning and the end, whatever the pieces are', () => {
    const tail = new AnswerTail('sse');
    const pieces = Array.from({ length: 500 }, (_, index) => `data: ${index}\n\n`);
    for (const [index, piece] of pieces.entries()) tail.push(index % 2 === 0 ? piece : Buffer.from(piece));
    expect(tail.first).toBe(pieces[0]);
    expect(pieces.join('').endsWith(tail.end)).toBe(true);
    expect(tail.end.length).toBeGreaterThanOrEqual(1024);
    expect(tail.end.length).toBeLessThan(3 * 1024);
  });

  it('keeps a whole event before its last, short pieces', () => {
    const tail = new AnswerTail('sse');
    const event = `data: {"usage":${' '.repeat(2000)}{}}\n\n`;
    for (const piece of ['data: x\n\n', event, 'e', '\r\n', 'data: [DONE]\n\n']) tail.push(piece);
    expect(tail.end).toBe(`data: x\n\n${event}e\r\ndata: [DONE]\n\n`.slice(-tail.end.length));
    expect(tail.end).toContain(event);
  });

  it('is kept of answers only that tell a usage', () => {
    expect(answerTailOf({ ...head, contentType: 'application/json; charset=utf-8' })?.kind).toBe('json');
    expect(answerTailOf({ ...head, contentType: 'text/event-stream' })?.kind).toBe('sse');
    expect(answerTailOf({ ...head, contentType: 'audio/mpeg' })).toBeNull();
    expect(answerTailOf({ ...head, contentType: 'application/json', isEncoded: true })).toBeNull();
    expect(answerTailOf({ ...head, contentType: 'application/json', status: 500 })).toBeNull();
  });
});

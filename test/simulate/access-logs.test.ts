import { describe, expect, it } from 'vitest';
import { read, rowsOf } from './trace-files.ts';

const nginx = (time: string, more: string, path = '/v1/chat/completions') =>
  `10.0.0.1 - a user [24/Nov/2026:${time} +0100] "POST ${path} HTTP/1.1" 200 512 "-" "curl/8.5 \\"x\\"" ${more}`;

describe("nginx's access log", () => {
  it('has a request begin its time before it was written, and names the model by the field at its end', async () => {
    const lines = [
      nginx('11:00:05', '2.500 "llama.example.com"'),
      nginx('11:00:03', '0.000 "qwen"'),
      'cut off',
    ];
    const { report, trace } = await read('access.log', lines.join('\n'));
    expect(report).toMatchObject({ format: 'nginx', requests: 2, malformed: 1, firstMalformedLine: 3 });
    expect(rowsOf(trace)).toEqual([
      ['llama.example.com', 0, 2_500],
      ['qwen', 500, 0],
    ]);
    expect(trace.wallFromMs).toBe(Date.UTC(2026, 10, 24, 10, 0, 2, 500));
  });

  it('names the model by the first segment of the path where that is asked for, or by the file', async () => {
    const lines = [nginx('11:00:05', '1.0', '/tts/v1/speak?x=/a'), nginx('11:00:06', '1.0', '/')];
    const { trace } = await read('box.log', lines.join('\n'), { modelFrom: 'path' });
    expect(trace.models).toEqual(['tts', 'box']);
    expect((await read('box.log', lines.join('\n'))).trace.models).toEqual(['box']);
  });
});

describe("Envoy's default access log", () => {
  const envoy = (more: string, authority: string) =>
    `[2026-11-24T10:00:00.310Z] "POST /v1/completions HTTP/2" 200 - ${more}154 0 226 100 "10.0.35.28" "agent" "cc21" "${authority}" "10.0.2.1:80"`;

  it.each([
    ['Envoy', ''],
    ['Istio', 'via_upstream - "-" '],
  ])('is read as %s writes it, also from the middle of a line on', async (_by, more) => {
    const lines = ['0 226 100 "10.0.35.28"', envoy(more, 'llama'), envoy(more, '-')];
    const { report, trace } = await read('envoy.log', lines.join('\n'));
    expect(report).toMatchObject({ format: 'envoy', requests: 2, malformed: 1, firstMalformedLine: 1 });
    expect(rowsOf(trace)).toEqual([
      ['llama', 0, 226],
      ['envoy', 0, 226],
    ]);
  });
});

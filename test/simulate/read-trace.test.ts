import { basename, dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTrace } from '../../src/simulate/read-trace.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';
import { fileOf, plain, read, rowsOf } from './trace-files.ts';

const csv = 'arrival_s,model,exec_s\n10,a,2.5\n12.25,"b, the second",1\n11,a,0\n';

describe('a CSV trace', () => {
  it('is read in order of arrival, and begins with its first request', async () => {
    const { report, trace } = await read('plain.csv', csv);
    expect(report).toMatchObject({ format: 'csv', requests: 3, malformed: 0, firstMalformedLine: null });
    expect(rowsOf(trace)).toEqual([
      ['a', 0, 2_500],
      ['a', 1_000, 0],
      ['b, the second', 2_250, 1_000],
    ]);
    expect(trace).toMatchObject({ endMs: 3_250, wallFromMs: 0, models: ['a', 'b, the second'] });
  });

  it('may be compressed, in several members and whatever its name, with CRLF, a BOM and other columns', async () => {
    const text = '\uFEFFexec_s,user,model,arrival_s\r\n2,"x ""y""",a,0\r\n\r\n3,z,a,1\r\n';
    const half = Math.floor(text.length / 2);
    const packed = Buffer.concat([gzipSync(text.slice(0, half)), gzipSync(text.slice(half))]);
    const { report, trace } = await read('packed', packed);
    expect(report.requests).toBe(2);
    expect(rowsOf(trace)).toEqual([
      ['a', 0, 2_000],
      ['a', 1_000, 3_000],
    ]);
  });

  it('has its malformed lines counted, and the first of them named', async () => {
    const rows = '1,a,1\n2,a\nx,a,1\n4,a,-1\n,a,1\n5,,1\n6,a,1';
    const { report, trace } = await read('faulty.csv', `arrival_s,model,exec_s\n${rows}`);
    expect(report).toMatchObject({ requests: 3, malformed: 4, firstMalformedLine: 3 });
    // The one that names no model goes by the name of the file.
    expect(rowsOf(trace).map(([model]) => model)).toEqual(['a', 'faulty', 'a']);
  });

  it('has a field with a line break as one record, and a quote that never ends as a malformed one', async () => {
    const { report } = await read('quotes.csv', 'model,arrival_s,exec_s\n"a\nb",1,1\nc,2,2\n"d,3,3\ne,4,4\n');
    expect(report).toMatchObject({ requests: 2, malformed: 1, firstMalformedLine: 5 });
  });

  it('takes a quote within a field for a character', async () => {
    const { report, trace } = await read(
      'inches.csv',
      'model,arrival_s,exec_s\n7"tall,1,1\n"7""x",2,2\n"",3,3\n',
    );
    expect(report).toMatchObject({ requests: 3, malformed: 0 });
    expect(trace.models).toEqual(['7"tall', '7"x', 'inches']);
  });

  it('is bounded in memory also where a line never ends', async () => {
    const { report } = await read(
      'long.csv',
      `arrival_s,model,exec_s\n1,${'x'.repeat(5_000_000)},1\n2,a,1\n`,
    );
    expect(report).toMatchObject({ requests: 1, malformed: 1, firstMalformedLine: 2 });
  });
});

describe('traces with times of their own', () => {
  it('are placed by them, several files in one trace', async () => {
    const azure = (second: number) =>
      `TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:${second}.6805900,2000,50\n`;
    const builder = new TraceBuilder();
    await readTrace(fileOf('later.csv', azure(46)), builder, plain);
    await readTrace(fileOf('earlier.csv', azure(16)), builder, { ...plain, model: 'named' });
    const trace = builder.build();
    // 2000 tokens at 1000 a second, and 50 at 50.
    expect(rowsOf(trace)).toEqual([
      ['named', 0, 3_000],
      ['later', 30_000, 3_000],
    ]);
    expect(trace.wallFromMs).toBeCloseTo(Date.UTC(2023, 10, 16, 18, 15, 16, 681), -1);
  });
});

const access = {
  level: 30,
  time: '2026-11-24T10:00:10.500Z',
  requestId: 'r',
  model: 'llama',
  status: 200,
  waitMs: 500,
  coldMs: 2_000,
  totalMs: 4_500,
  msg: 'request',
};

describe('the log of this gateway', () => {
  it('tells when a request came and how long it ran, without what it waited; other lines are no requests', async () => {
    const lines = [
      { level: 30, time: '2026-11-24T09:59:59.000Z', msg: 'starting' },
      access,
      { ...access, model: null, msg: 'request' },
      { ...access, surface: 'replicate' },
      { ...access, time: '2026-11-24T10:00:07.250Z', waitMs: 0, coldMs: 0, totalMs: 1_000 },
      { ...access, time: 'yesterday' },
    ];
    const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"level":30,"time":"2026-`;
    const { report, trace } = await read('gateway.log', text);
    expect(report).toMatchObject({ format: 'pilotlight', requests: 2, others: 3, malformed: 2 });
    expect(report.firstMalformedLine).toBe(6);
    expect(rowsOf(trace)).toEqual([
      ['llama', 0, 2_000],
      ['llama', 250, 1_000],
    ]);
  });
});

const spend = [
  {
    startTime: '2026-11-24T10:00:00Z',
    endTime: '2026-11-24T10:00:02.500Z',
    model: 'openai/llama',
    model_group: 'llama',
  },
  {
    startTime: '2026-11-24T12:00:01+02:00',
    endTime: '2026-11-24T12:00:01+02:00',
    model: 'qwen',
    model_group: '',
  },
  { startTime: '2026-11-24T10:00:03Z', endTime: '2026-11-24T10:00:03Z', model: 'qwen', cache_hit: 'True' },
  { startTime: '', endTime: '2026-11-24T10:00:03Z', model: 'q"}{' },
];
const spendRows = [
  ['llama', 0, 2_500],
  ['qwen', 1_000, 0],
];

describe("LiteLLM's spend log", () => {
  it.each([
    ['lines', spend.map((entry) => JSON.stringify(entry)).join('\n')],
    ['an array in one line', JSON.stringify(spend)],
    ['an array in many lines', `\n${JSON.stringify(spend, null, 2)}\n`],
  ])('is read as JSON: %s', async (_kind, text) => {
    const { report, trace } = await read('spend.json', text);
    expect(report).toMatchObject({ format: 'litellm json', requests: 2, others: 1, malformed: 1 });
    expect(rowsOf(trace)).toEqual(spendRows);
  });

  it('is read as CSV, with prompts that hold commas, quotes and line breaks', async () => {
    const header = 'request_id,startTime,endTime,model,model_group,cache_hit,messages';
    const rows = [
      '1,2026-11-24 10:00:00,2026-11-24 10:00:02.5,openai/llama,llama,False,"{""role"": ""user"",\n""content"": ""a, b""}"',
      '2,2026-11-24 10:00:01,2026-11-24 10:00:01,qwen,,,{}',
      '3,2026-11-24 10:00:03,2026-11-24 10:00:03,qwen,,True,{}',
      '4,,2026-11-24 10:00:03,qwen,,,{}',
    ];
    const { report, trace } = await read('spend.csv', [header, ...rows].join('\n'));
    expect(report).toMatchObject({ format: 'litellm csv', requests: 2, others: 1, malformed: 1 });
    expect(report.firstMalformedLine).toBe(6);
    expect(rowsOf(trace)).toEqual(spendRows);
  });
});

describe('a trace', () => {
  it('is looked for in a folder as well', async () => {
    const file = fileOf('kept.csv', csv);
    const folder = dirname(file);
    const report = await readTrace(basename(file), new TraceBuilder(), { ...plain, folder });
    expect(report.requests).toBe(3);
    await expect(readTrace('none.csv', new TraceBuilder(), { ...plain, folder })).rejects.toThrow(
      `there is no trace none.csv nor in ${folder}`,
    );
  });

  it.each([
    ['prose', 'Lorem ipsum\ndolor sit amet\n'.repeat(50_000)],
    ['a table of another kind', 'time,name\n1,a\n'],
    ['JSON of another kind', '[{"a": 1}]'],
    ['nothing', ''],
    ['bytes', Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7919) % 256))],
  ])('of no known format is refused, with what was expected: %s', async (_kind, content) => {
    await expect(read('unknown', content)).rejects.toThrow(
      /is none of the traces.*\n.*arrival_s, model, exec_s/,
    );
  });

  it('that is broken off where it is compressed is refused', async () => {
    const packed = gzipSync(csv.repeat(1_000));
    await expect(read('broken.gz', packed.subarray(0, packed.length - 20))).rejects.toThrow(/unexpected end/);
  });

  it('is the same however many requests it has, and in whatever order they came', () => {
    const builder = new TraceBuilder();
    for (let i = 0; i < 5_000; i++)
      builder.add({ model: `m${i % 7}`, arrivalMs: (i * 7919) % 5_000, execMs: i % 11 }, 'start');
    const trace = builder.build();
    expect(trace.count).toBe(5_000);
    expect([...trace.arrivalMs]).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    for (let at = 0; at < 5_000; at += 123) {
      const i = Array.from({ length: 5_000 }, (_, one) => one).find((one) => (one * 7919) % 5_000 === at)!;
      expect(rowsOf(trace)[at]).toEqual([`m${i % 7}`, at, i % 11]);
    }
  });
});

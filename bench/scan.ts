import { JsonScanner } from '../src/protocols/json-scan.ts';

/** The scan of a request's body against JSON.parse: median time of one body, in microseconds. */
const bodies: Record<string, () => object> = {
  '500 B': () => ({ model: 'llama', stream: true, messages: [{ role: 'user', content: 'x'.repeat(430) }] }),
  '8 KB': () => ({
    model: 'llama',
    messages: Array.from({ length: 20 }, () => ({ role: 'user', content: 'How are you today? '.repeat(20) })),
    temperature: 0.7,
  }),
  '200 KB escaped': () => ({
    messages: [{ role: 'user', content: 'const a = "b";\n\tprint("é \\d");\n'.repeat(5_500) }],
    model: 'llama',
  }),
  '2 MB image': () => ({
    model: 'llama',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          {
            type: 'image_url',
            image_url: { url: `data:image/png;base64,${Buffer.alloc(1_500_000, 7).toString('base64')}` },
          },
        ],
      },
    ],
  }),
};

const roundMs = 40;
const rounds = 15;

let sink = 0;

function scan(body: Buffer): void {
  const scanner = new JsonScanner();
  scanner.push(body);
  sink += scanner.end().model.length;
}

function parse(body: Buffer): void {
  sink += (JSON.parse(body.toString()) as { model: string }).model.length;
}

function microsecondsPerCall(work: (body: Buffer) => void, body: Buffer): number {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    let calls = 0;
    while (performance.now() - started < roundMs) {
      for (let index = 0; index < 5; index += 1) work(body);
      calls += 5;
    }
    samples.push(((performance.now() - started) * 1000) / calls);
  }
  return samples.sort((a, b) => a - b)[rounds >> 1]!;
}

for (const [name, make] of Object.entries(bodies)) {
  const body = Buffer.from(JSON.stringify(make()));
  const scanUs = microsecondsPerCall(scan, body);
  const parseUs = microsecondsPerCall(parse, body);
  console.log(
    `${name.padEnd(16)} ${String(body.length).padStart(8)} B  scan ${scanUs.toFixed(2).padStart(9)} us  ` +
      `JSON.parse ${parseUs.toFixed(2).padStart(9)} us  ${(parseUs / scanUs).toFixed(1)} x`,
  );
}
if (sink === 0) throw new Error('nothing was scanned');

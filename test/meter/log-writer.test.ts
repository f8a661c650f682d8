import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

const logFile = new URL('../../src/meter/log.ts', import.meta.url).href;

type Writer = ChildProcessByStdio<null, Readable, Readable>;
const children: Writer[] = [];

/** A process that runs `script` with a `log`; its standard output is a pipe, or the file behind `stdout`. */
function startWriter(script: string, stdout: 'pipe' | number = 'pipe'): Writer {
  const code = `import { createLog } from ${JSON.stringify(logFile)}; const log = createLog('info'); ${script}`;
  const stdio = ['ignore', stdout, 'pipe'] as const;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: [...stdio] }) as Writer;
  children.push(child);
  return child;
}

async function untilSaid(child: Writer, word: string): Promise<void> {
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    if (said.includes(word)) return;
  }
  throw new Error(`ended without saying ${word}: ${said}`);
}

function numbersIn(output: string): number[] {
  const lines = output.trim().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { n?: number })
    .flatMap(({ n }) => (n === undefined ? [] : n));
}

const countTo = (count: number) => Array.from({ length: count }, (_, n) => n);

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('the log on standard output', () => {
  it('loses no line and keeps their order when the process just ends', async () => {
    const child = startWriter('for (let n = 0; n < 3000; n++) log.info({ n }, "line");');
    expect(numbersIn(await text(child.stdout))).toEqual(countTo(3000));
  });

  it('has written all when flush calls back, so that the process may exit', async () => {
    const child = startWriter(
      'for (let n = 0; n < 3000; n++) log.info({ n }, "line"); log.flush(() => process.exit(0));',
    );
    expect(numbersIn(await text(child.stdout))).toEqual(countTo(3000));
  });

  it('writes the last lines of a process that an error ends', async () => {
    const child = startWriter('log.info({ n: 0 }, "line"); throw new Error("crash");');
    expect(numbersIn(await text(child.stdout))).toEqual([0]);
  });

  it('appends to a file', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'log-')), 'log');
    const fd = openSync(file, 'a');
    const child = startWriter('for (let n = 0; n < 3000; n++) log.info({ n }, "line");', fd);
    await once(child, 'close');
    closeSync(fd);
    expect(numbersIn(readFileSync(file, 'utf8'))).toEqual(countTo(3000));
  });

  it('shows a single line within a second, without a flush', async () => {
    const child = startWriter('log.info({ n: 0 }, "line"); setInterval(() => undefined, 1000);');
    const [chunk] = await once(child.stdout, 'data');
    expect(numbersIn(String(chunk))).toEqual([0]);
  });
});

describe('a log that nobody reads', () => {
  const fill = `
    const pad = 'x'.repeat(1000);
    let n = 0;
    async function fill() {
      for (let i = 0; i < 20_000; i++) {
        log.info({ n: n++, pad }, 'line');
        if (i % 1000 === 0) await new Promise(setImmediate);
      }
    }
    await fill();`;

  it('neither stops the process nor fills its memory, and holds up its end by two seconds at most', async () => {
    const child = startWriter(`${fill}
      globalThis.gc?.();
      process.stderr.write('filled ' + process.memoryUsage().rss + '\\n');
      log.flush(() => process.exit(7));`);
    const [said] = await once(child.stderr, 'data');
    expect(Number(String(said).split(' ')[1])).toBeLessThan(200 * 1024 * 1024);
    const [exitCode] = await once(child, 'exit');
    expect(exitCode).toBe(7);
  });

  it('says how many lines were dropped as soon as it is read again', async () => {
    const child = startWriter(`${fill}
      process.stderr.write('filled\\n');
      setInterval(() => log.info({ n: n++ }, 'later'), 100);`);
    await untilSaid(child, 'filled');
    let output = '';
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (output.includes('"later"')) break;
    }
    const lines = output
      .slice(0, output.lastIndexOf('\n'))
      .split('\n')
      .map((line) => JSON.parse(line) as { n?: number; lines?: number });
    const note = lines.findIndex(({ lines: dropped }) => dropped !== undefined);
    const before = lines.slice(0, note).map(({ n }) => n!);
    expect(before).toEqual(countTo(before.length));
    expect(lines[note + 1]!.n).toBe(before.length + lines[note]!.lines!);
  });

  it('goes on working when its reader is gone', async () => {
    const child = startWriter(`${fill} await fill(); process.exit(7);`);
    child.stdout.destroy();
    const [exitCode] = await once(child, 'exit');
    expect(exitCode).toBe(7);
  });
});

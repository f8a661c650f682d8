import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from './program.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-check-'));
  file = join(folder, 'pilotlight.yaml');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function check(text: string) {
  writeFileSync(file, text);
  const { code, stdout, stderr } = await runProgram(['check', '--config', file]);
  return { code, stdout: stdout.replaceAll(file, 'FILE'), stderr: stderr.replaceAll(file, 'FILE') };
}

const backend = '{ driver: static, urls: ["http://127.0.0.1:1"] }';

describe('pilotlight check', () => {
  it('says that a file is without fault, and what it would serve', async () => {
    const answer = await check(
      `models: { a: { backend: ${backend} }, b: { backend: ${backend} } }\nserver: { drain: 10m }`,
    );
    expect(answer).toEqual({ code: 0, stdout: 'FILE: ok, 2 model(s): a, b\n', stderr: '' });
  });

  it('names surfaces that it would serve, and those that serve the same in the same place', async () => {
    const models = `models: { a: { backend: ${backend} } }\nserver: { drain: 10m }\n`;
    expect(await check(`${models}surfaces: { sagemaker: {}, kserve: { prefix: /kserve } }`)).toEqual({
      code: 0,
      stdout: 'FILE: ok, 1 model(s): a; surfaces: sagemaker, kserve\n',
      stderr: '',
    });
    expect(await check(`${models}surfaces: { huggingface: {}, potassium: {} }`)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'FILE: surfaces.potassium: POST /:model is served by surfaces.huggingface in the same place ' +
        '(give one of them a prefix, or a port of its own (listen))\n',
    });
  });

  it('warns of what is allowed and probably not meant, with exit code 0', async () => {
    const answer = await check(
      'models: { a: { backend: { driver: process, command: [x, "{port}"], ready: { startup: 5m } } } }',
    );
    expect(answer).toMatchObject({ code: 0, stderr: '' });
    expect(answer.stdout).toMatch(
      /^warning: server\.drain \(1m\) is shorter than models\.a ready\.startup \(5m\): /,
    );
  });

  it('names every fault by its path and line, one a line, with a hint and without a stack trace', async () => {
    const answer = await check(
      `sever: {}\nmodels:\n  a:\n    backend: ${backend}\n    concurency: 3\n    scale: { idle: 5 }\n    revisions: {}\n`,
    );
    expect(answer).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'FILE:1: sever: is not a known key (did you mean server?)\n' +
        'FILE:5: models.a.concurency: is not a known key (did you mean concurrency?)\n' +
        'FILE:6: models.a.scale.idle: must be a duration with its unit, such as 30s, or 0, or adaptive\n' +
        'FILE:7: models.a.revisions: is not built yet\n',
    });
  });

  it.each([
    ['bytes that are no text', '\0\x01'],
    ['YAML that breaks off', 'models: ['],
    ['an anchor within itself', 'models: &a { b: *a }'],
    ['one long word', 'x'.repeat(100_000)],
  ])('has no stack trace for a file with %s', async (_what, text) => {
    const { code, stdout, stderr } = await check(text);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^FILE/);
    expect(stderr).not.toMatch(/\n\s+at |node:|\.ts:/);
  });
});

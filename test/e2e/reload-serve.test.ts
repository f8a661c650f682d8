import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Program, startProgram } from '../cli/program.ts';
import { chat } from '../support/gateway.ts';
import { backendOf, closeAll, folderOf, until } from '../support/reload.ts';

const programs: Program[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.kill('SIGTERM');
    await program.ended;
  }
  await closeAll();
});

/** `pilotlight serve` as a process of its own. */
async function serve(file: string) {
  const program = startProgram(['serve', '--config', file]);
  programs.push(program);
  await until(() => program.stderr()).toContain('admin on http');
  const url = /listens on (http:\/\/[\d.:]+)/.exec(program.stderr())![1]!;
  const adminUrl = /admin on (http:\/\/[\d.:]+)/.exec(program.stderr())![1]!;
  return {
    logged: () => program.stdout(),
    text: async (model = 'm') => (await fetch(`${url}/v1/chat/completions`, chat(model))).text(),
    readiness: async () =>
      (await (await fetch(`${adminUrl}/readyz`)).json()) as { status: string; config: string },
    reloads: async (outcome: string) => {
      const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
      const pattern = new RegExp(`^pilotlight_config_reloads_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm');
      return Number(pattern.exec(metrics)?.[1] ?? 0);
    },
  };
}

const configOf = (url: string, more = '') => `
server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }
models:
  m:
    backend: { driver: static, urls: ["${url}"], ready: { path: /health } }
    ${more}
`;

describe('a configuration file that changes under `pilotlight serve`', () => {
  it('is taken when it is replaced by rename; a bad one is refused whole, told everywhere, and cleared', async () => {
    const [one, two] = [await backendOf((res) => res.end('one')), await backendOf((res) => res.end('two'))];
    const file = join(folderOf(), 'pilotlight.yaml');
    const replace = (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace(configOf(one.url));
    const gateway = await serve(file);
    expect(await gateway.text()).toBe('one');
    expect(await gateway.readiness()).toMatchObject({ status: 'ready', config: 'ok' });

    replace(configOf(two.url, 'concurency: 3\n    queue: { max: 0 }'));
    await until(() => gateway.reloads('refused')).toBe(1);
    const { status, config } = await gateway.readiness();
    expect(status).toBe('ready');
    await until(() => gateway.logged()).toContain('configuration refused: the old one stays');
    for (const told of [config, gateway.logged()]) {
      expect(told).toContain('models.m.concurency');
      expect(told).toContain('models.m.queue.max');
    }
    expect(await gateway.text()).toBe('one');
    expect(two.seen).toHaveLength(0);

    replace('');
    await until(() => gateway.reloads('refused')).toBe(2);
    expect((await gateway.readiness()).config).toContain('is empty');
    expect(await gateway.text()).toBe('one');

    replace(configOf(two.url, 'concurrency: 3'));
    await until(() => gateway.text()).toBe('two');
    expect(await gateway.readiness()).toMatchObject({ status: 'ready', config: 'ok' });
    expect(await gateway.reloads('taken')).toBe(1);
  });

  it("is taken when a ConfigMap's link is swapped, again and again", async () => {
    const [one, two] = [await backendOf((res) => res.end('one')), await backendOf((res) => res.end('two'))];
    const folder = folderOf();
    let version = 0;
    const publish = (text: string) => {
      const name = `..v${version++}`;
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'pilotlight.yaml'), text);
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    publish(configOf(one.url));
    symlinkSync(join('..data', 'pilotlight.yaml'), join(folder, 'pilotlight.yaml'));
    const gateway = await serve(join(folder, 'pilotlight.yaml'));
    expect(await gateway.text()).toBe('one');
    for (const [url, answer] of [
      [two.url, 'two'],
      [one.url, 'one'],
      [two.url, 'two'],
    ] as const) {
      publish(configOf(url));
      await until(() => gateway.text()).toBe(answer);
    }
    publish('models: { m: }');
    await until(() => gateway.reloads('refused')).toBe(1);
    expect(await gateway.text()).toBe('two');
    publish(configOf(one.url));
    await until(() => gateway.text()).toBe('one');
    expect((await gateway.readiness()).config).toBe('ok');
  });
});

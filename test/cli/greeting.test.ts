import { describe, expect, it } from 'vitest';
import { greeting } from '../../src/cli/greeting.ts';
import { settingsOf } from '../support/gateway.ts';

const addresses = {
  address: { host: '127.0.0.1', port: 8080 },
  adminAddress: { host: '[::1]', port: 9090 },
  surfaceAddresses: new Map([['ollama', { host: '127.0.0.1', port: 11434 }]]),
};
const greet = (models: string, rest?: string) => greeting(settingsOf(models, rest), addresses);

const demo = `  demo:
    aliases: [gpt]
    backend: { driver: process, command: ["{pilotlight}", demo-backend, --port, "{port}", --model, "{model}", it's] }
    concurrency: 4
    scale: { idle: 90s }`;

describe('the greeting', () => {
  it('tells where it listens', () => {
    expect(greet(demo)).toContain(
      'Pilotlight listens on http://127.0.0.1:8080 (OpenAI: http://127.0.0.1:8080/v1), admin on http://[::1]:9090\n',
    );
  });

  it('shows the command as one would type it, without placeholders', () => {
    expect(greet(demo)).toContain(
      "  demo (also gpt): 4 at once, to zero after 1m30s idle; runs pilotlight demo-backend --port PORT --model demo 'it'\\''s'\n",
    );
  });

  it.each([
    ['{ idle: 0 }', 'stays up'],
    ['{ min: 1 }', 'stays up'],
    ['{ min: 1, max: 3, idle: 1m }', 'to 1 after 1m idle'],
    ['{ idle: adaptive }', 'to zero after an idle time that is learned'],
  ])('tells what scale %s means', (scale, meaning) => {
    expect(greet(`  m: { backend: { driver: process, command: [x] }, scale: ${scale} }`)).toContain(meaning);
  });

  it('tells the base URLs of surfaces', () => {
    const surfaces = 'surfaces: { replicate: { prefix: /replicate }, ollama: { listen: "127.0.0.1:11434" } }';
    expect(greet(demo, surfaces)).toContain(
      '\nSurfaces:\n  replicate: http://127.0.0.1:8080/replicate\n  ollama: http://127.0.0.1:11434\n',
    );
    expect(greet(demo)).not.toContain('Surfaces');
  });

  it('lists the first twenty models, and how many more there are', () => {
    const models = Array.from({ length: 23 }, (_, index) =>
      demo.replace('demo:', `m${index}:`).replace(/ +aliases.*\n/, ''),
    );
    const text = greet(models.join('\n'));
    expect(text).toContain('  m19: 4 at once');
    expect(text).not.toContain('m20');
    expect(text).toContain('\n  and 3 more\nTry:\n');
  });

  it('tells the URLs of servers that somebody else runs', () => {
    expect(
      greet('  m: { backend: { driver: static, urls: ["http://10.0.0.7:8000"] }, concurrency: 0 }'),
    ).toContain('  m: no limit, stays up; http://10.0.0.7:8000\n');
  });

  it('has a request to try, with a key where one is needed, for the first model that has no rule of its own', () => {
    const ruled =
      '  tts: { match: { paths: [/tts/] }, backend: { driver: static, urls: ["http://10.0.0.7:8000"] } }';
    expect(greet(ruled)).not.toContain('curl');
    const text = greet(`${ruled}\n${demo}`, 'auth: { keys: [{ name: a, key: secret }] }');
    expect(text).toContain(
      "  curl http://127.0.0.1:8080/v1/chat/completions -H 'authorization: Bearer KEY' -H 'content-type: application/json' " +
        '-d \'{"model":"demo","messages":[{"role":"user","content":"Hello"}]}\'\n',
    );
    expect(text).not.toContain('secret');
  });
});

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { parseDemoArgs } from '../../src/demo-backend/options.ts';

interface Service {
  readonly command: readonly string[];
  readonly environment?: Record<string, string>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Record<string, Service>;
  readonly volumes: Record<string, null>;
}

const duration = { type: 'string', pattern: '^(\\d+(us|ms|s|m|h))+$' };
const strings = { type: 'array', items: { type: 'string' }, uniqueItems: true };

/** The keys in use, as https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json has them. */
const serviceSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    build: { type: 'string' },
    init: { type: 'boolean' },
    // Not `strings`: a command may repeat a word.
    command: { type: 'array', items: { type: 'string' } },
    environment: {
      type: 'object',
      patternProperties: { '.+': { type: ['string', 'number', 'boolean', 'null'] } },
      additionalProperties: false,
    },
    ports: { type: 'array', items: { type: ['number', 'string'] }, uniqueItems: true },
    volumes: strings,
    depends_on: {
      type: 'array',
      items: { type: 'string', pattern: '^[a-zA-Z0-9._-]+$' },
      uniqueItems: true,
    },
    healthcheck: {
      type: 'object',
      additionalProperties: false,
      properties: { test: { type: 'array', items: { type: 'string' } }, interval: duration },
    },
    restart: { type: 'string' },
    stop_grace_period: duration,
  },
};
const composeSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['services', 'volumes'],
  properties: {
    services: {
      type: 'object',
      patternProperties: { '^[a-zA-Z0-9._-]+$': serviceSchema },
      additionalProperties: false,
    },
    volumes: {
      type: 'object',
      patternProperties: { '^[a-zA-Z0-9._-]+$': { type: 'null' } },
      additionalProperties: false,
    },
  },
};

const compose = parse(readFileSync('docker-compose.yml', 'utf8')) as Compose;
const gateway = compose.services.gateway!;
const backend = compose.services.backend!;

function seconds(text: string): number {
  return Number(/^(\d+)s$/.exec(text)![1]);
}

describe('docker-compose.yml', () => {
  it('keeps to the compose specification', () => {
    const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(composeSchema);
    validate(compose);
    expect(validate.errors).toBeNull();
  });

  it('names only services and volumes that it has', () => {
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining([...gateway.depends_on!]));
    const named = gateway.volumes!.map((volume) => volume.split(':')[0]);
    expect(Object.keys(compose.volumes)).toEqual(named);
  });

  it('starts the gateway on a valid configuration that fits the ports, the volume and the backend', async () => {
    const [command, flag, file] = gateway.command;
    expect([command, flag]).toEqual(['serve', '--config']);
    const env = Object.fromEntries(Object.keys(gateway.environment!).map((name) => [name, 'a-key']));
    const settings = await loadConfig(file!.replace('/app/', ''), env);
    expect(gateway.ports).toEqual([`127.0.0.1:8080:${settings.server.listen.port}`]);
    expect(settings.server.listen.host).toBe('0.0.0.0');
    expect(settings.auth.keys).toHaveLength(1);
    expect(gateway.volumes).toEqual([`state:${dirname(settings.server.spool.dir)}`]);
    expect(seconds(gateway.stop_grace_period!) * 1_000).toBeGreaterThan(settings.server.drainMs);

    const [name, ...argv] = backend.command;
    expect(name).toBe('demo-backend');
    const demo = parseDemoArgs(argv);
    expect(demo.host).toBe('0.0.0.0');
    const { backend: target } = settings.models.get('demo-small')!.revision;
    expect(target).toMatchObject({ driver: 'static', urls: [`http://backend:${demo.port}`] });
  });

  it('refuses to start without a key', () => {
    for (const value of Object.values(gateway.environment!)) expect(value).toMatch(/^\$\{[A-Z_]+:\?.+\}$/);
  });
});

import { globSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { warningsOf } from '../../src/config/warnings.ts';

const files = globSync('examples/*.yaml');

/** A value for every variable that an example asks for. */
const env = Object.fromEntries(
  files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\$\{env\.([^}]*)\}/g)].map(([, name]) => [name!, `x-${name}`]),
  ),
);

describe('the examples', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(4);
  });

  it.each(files)('%s is without fault', async (file) => {
    expect((await loadConfig(file, env)).models.size).toBeGreaterThan(0);
  });

  it.each(files)('%s gives no warning but that of missing TLS', async (file) => {
    const warnings = warningsOf(await loadConfig(file, env));
    expect(warnings.filter((warning) => !warning.startsWith('server.tls is not set'))).toEqual([]);
  });

  it.each(files)('%s is valid for editors', (file) => {
    const schema = JSON.parse(readFileSync('docs/configuration.schema.json', 'utf8')) as object;
    const ajv = new Ajv({ strict: false });
    const isValid = ajv.validate(schema, parseYaml(readFileSync(file, 'utf8')));
    expect(ajv.errors ?? []).toEqual([]);
    expect(isValid).toBe(true);
  });
});

describe('the JSON schema', () => {
  it('refuses what the gateway refuses', () => {
    const schema = JSON.parse(readFileSync('docs/configuration.schema.json', 'utf8')) as object;
    const validate = new Ajv({ strict: false }).compile(schema);
    const backend = { driver: 'static', urls: ['http://a'] };
    expect(validate({ models: { a: { backend } } })).toBe(true);
    expect(validate({ models: { a: { backend, cold: 'holt' } } })).toBe(false);
    expect(validate({ models: { a: { backend, scale: { idle: 5 } } } })).toBe(false);
    expect(validate({ models: { a: { backend: { driver: 'process', urls: [] } } } })).toBe(false);
    expect(validate({ modles: {} })).toBe(false);
  });
});

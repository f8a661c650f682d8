import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadChanged } from '../../src/config/reload.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import { type FaultCase, faultsOf, fileWith, parse } from './parse.ts';

const quiet = 'server: { drain: 10m }';

describe('surfaces', () => {
  it('are served on the request port without a prefix where nothing else is said', () => {
    expect(parse(fileWith({ top: 'surfaces: { replicate: {} }' })).surfaces).toEqual([
      { name: 'replicate', prefix: '', listen: null, limits: 'own' },
    ]);
  });

  it('keep the order in which they are written', () => {
    const top =
      'surfaces: { sagemaker: { listen: ":8081", limits: original }, kserve: { prefix: /a/b }, azure: {} }\nauth: open';
    expect(parse(fileWith({ top })).surfaces).toMatchObject([
      {
        name: 'sagemaker',
        listen: { host: '0.0.0.0', port: 8081 },
        limits: 'original',
      },
      { name: 'kserve', prefix: '/a/b' },
      { name: 'azure' },
    ]);
  });
});

describe('the store', () => {
  it.each([
    ['memory', { kind: 'memory' }],
    ['sqlite:jobs/x.db', { kind: 'sqlite', file: '/etc/pilotlight/jobs/x.db' }],
    ['sqlite:/var/x.db', { kind: 'sqlite', file: '/var/x.db' }],
    ['redis://user:pass@host:6379/1', { kind: 'redis', url: 'redis://user:pass@host:6379/1' }],
    ['rediss://host', { kind: 'redis', url: 'rediss://host' }],
  ])('%s', (written, store) => {
    expect(parse(fileWith({ top: `store: ${written}` })).store).toEqual(store);
  });

  it('lies in stateDir', () => {
    const settings = parse(fileWith({ top: 'stateDir: state' }));
    expect(settings.store).toEqual({ kind: 'sqlite', file: '/etc/pilotlight/state/jobs.sqlite' });
  });
});

describe('jobs', () => {
  it('have defaults', () => {
    expect(parse(fileWith({})).jobs).toEqual({
      beginWithinMs: 86_400_000,
      endWithinMs: 172_800_000,
      runForMs: 0,
      attempts: 3,
      keepMs: 86_400_000,
      maxQueued: 1_000_000,
      maxOutputBytes: 1024 ** 3,
      inlineBytes: 8_192,
      leaseMs: 30_000,
      webhooks: { allow: [], allowHttp: false, timeoutMs: 20_000, giveUpAfterMs: 86_400_000 },
    });
  });
});

const cases: FaultCase[] = [
  [
    'an unknown surface',
    fileWith({ top: 'surfaces: { replicat: {} }' }),
    'surfaces.replicat',
    'is not a known key',
    'did you mean replicate?',
  ],
  [
    'a prefix with a slash at its end',
    fileWith({ top: 'surfaces: { azure: { prefix: /a/ } }' }),
    'surfaces.azure.prefix',
    'must be empty, or begin with / and not end with one',
    null,
  ],
  [
    'a port of a surface that others reach, without keys',
    fileWith({ top: 'surfaces: { azure: { listen: ":8081" } }' }),
    'surfaces.azure.listen',
    '0.0.0.0:8081 can be reached from other machines and no keys are set',
    'set auth.keys, or say auth: open',
  ],
  [
    'a port of a surface that is the admin port',
    fileWith({ top: 'surfaces: { azure: { listen: "127.0.0.1:9090" } }' }),
    'surfaces.azure.listen',
    'is the same address as server.admin',
    null,
  ],
  [
    'a network that is none',
    fileWith({ top: 'jobs: { webhooks: { allow: [10.0.0.0/33] } }' }),
    'jobs.webhooks.allow[0]',
    'must be an address or a network',
    null,
  ],
];

describe('a fault of surfaces and jobs is named by its path', () => {
  it.each(cases)('%s', (_, text, path, message, hint) => {
    expect(faultsOf(text)).toMatchObject([{ path, message: expect.stringContaining(message), hint }]);
  });
});

describe('a warning of surfaces and jobs', () => {
  it.each([
    ['a store that a restart empties', 'store: memory', /^store is memory: a restart loses/],
    [
      'a store that is shared, whose files are not',
      'store: redis://h',
      /^store is redis: .*\/etc\/pilotlight\/\.pilotlight/,
    ],
    ['no room for bodies', 'server: { drain: 10m, heldMemory: 0 }', /^server\.heldMemory is 0: surfaces/],
  ])('%s', (_, more, message) => {
    const top = more.startsWith('server') ? more : `${quiet}\n${more}`;
    expect(warningsOf(parse(fileWith({ top: `${top}\nsurfaces: { azure: {} }` })))).toEqual([
      expect.stringMatching(message),
    ]);
    expect(warningsOf(parse(fileWith({ top })))).toEqual([]);
  });

  it('keys that travel unencrypted to a port of its own, or none at all', () => {
    const port = 'surfaces: { azure: { listen: ":8081" } }';
    const keys = `${quiet}\nauth: { keys: [{ name: a, key: b }] }\n${port}`;
    expect(warningsOf(parse(fileWith({ top: keys })))).toEqual([
      'server.tls is not set: keys travel to 0.0.0.0:8081 (surfaces.azure) unencrypted',
    ]);
    expect(warningsOf(parse(fileWith({ top: `${quiet}\nauth: open\n${port}` })))).toEqual([
      'auth: open on 0.0.0.0:8081 (surfaces.azure): anybody who reaches it may use every model',
    ]);
  });
});

it('keys cannot be taken away at run time while a port of a surface is open to others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-surfaces-'));
  const file = join(folder, 'pilotlight.yaml');
  const keys = 'auth: { keys: [{ name: a, key: b }] }';
  const running = parse(fileWith({ top: `${keys}\nsurfaces: { azure: { listen: ":8081" } }` }));
  writeFileSync(file, fileWith({}));
  await expect(loadChanged(file, {}, running)).rejects.toThrow(
    'auth: is not set, and 0.0.0.0:8081 stays open',
  );
  writeFileSync(file, fileWith({ top: keys }));
  expect((await loadChanged(file, {}, running)).auth.keys).toHaveLength(1);
  rmSync(folder, { recursive: true });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { kpaDefaults } from '../../src/core/kpa.ts';
import { fileWith, parse } from './parse.ts';

describe('defaults', () => {
  it('fill in everything but the model and its backend', () => {
    const settings = parse(fileWith({}));
    expect(settings.server).toEqual({
      listen: { host: '127.0.0.1', port: 8080 },
      admin: { host: '127.0.0.1', port: 9090, token: null },
      tls: null,
      corsOrigins: [],
      maxBodyBytes: 32 * 1024 ** 2,
      heldMemoryBytes: 256 * 1024 ** 2,
      spool: { dir: '/var/tmp/pilotlight', maxBytes: 4 * 1024 ** 3 },
      drainMs: 60_000,
      limits: {
        streams: 1000,
        headerBytes: 16_384,
        headerCount: 100,
        headerTimeoutMs: 15_000,
        bodyTimeoutMs: 300_000,
        connections: 0,
        keepAliveMs: 72_000,
      },
    });
    expect(settings.auth).toEqual({ open: false, keys: [] });
    expect(settings).toMatchObject({ kubernetes: null, shared: null });
    expect(settings.stateDir).toBe('/etc/pilotlight/.pilotlight');
    expect(settings.store).toEqual({ kind: 'sqlite', file: '/etc/pilotlight/.pilotlight/jobs.sqlite' });
    expect(settings.surfaces).toEqual([]);
    expect(settings.log).toEqual({ level: 'info', access: true });
    expect([...settings.models.keys()]).toEqual(['llama']);
    expect(settings.models.get('llama')).toEqual({
      name: 'llama',
      aliases: [],
      wakeWith: [],
      written: expect.objectContaining({ concurrency: 100 }),
      match: null,
      contract: { name: 'openai', path: null, responses: 'backend' },
      cold: 'hold',
      deadlineAware: true,
      heartbeat: { streamMs: 20_000, jsonMs: 0 },
      revision: {
        name: 'default',
        httpVersion: 1,
        backend: {
          driver: 'process',
          command: ['llama-server', '--port', '{port}'],
          env: {},
          cwd: null,
          stopGraceMs: 10_000,
        },
        backendHeaders: {},
        sendModel: null,
        ready: {
          kind: 'http',
          path: '/health',
          statuses: [200],
          body: null,
          timeoutMs: 5_000,
          startupMs: 600_000,
          loading: 'Loading model',
          headers: {},
        },
        concurrency: 100,
        queue: { max: 1000, maxBytes: 1024 ** 3, timeoutMs: 660_000 },
        scale: {
          min: 0,
          max: 1,
          idleMs: 300_000,
          coldStartMs: null,
          minUpMs: 0,
          thrashWindowMs: 60_000,
          buffer: 0,
          maxStarting: null,
          schedules: [],
          policy: 'cost-aware',
          kpa: { ...kpaDefaults, initialScale: 0 },
          rampMs: 0,
          isPaused: false,
          owner: 'pilotlight',
        },
        ladder: [],
        needs: null,
        asksGauge: false,
        timeouts: {
          connectMs: 5_000,
          firstByteMs: null,
          idleMs: 120_000,
          totalMs: 1_800_000,
          stallMs: 600_000,
        },
        balance: { strategy: 'auto', session: null, maxLoadFactor: 1.25 },
        rollout: 'stop-first',
      },
    });
  });

  it('let a request wait one minute longer than a start may take', () => {
    const revision = parse(fileWith({ backend: 'ready: { startup: 2m }' })).models.get('llama')!.revision;
    expect(revision.queue.timeoutMs).toBe(180_000);
  });

  it('start the new revision of a process first when there may be two', () => {
    const revision = parse(fileWith({ model: 'scale: { max: 2 }' })).models.get('llama')!.revision;
    expect(revision.rollout).toBe('start-first');
  });

  it('keep all URLs of a static backend in use, and start its new revision first', () => {
    const settings = parse(
      'models: { m: { backend: { driver: static, urls: ["http://a:1", "http://b:1/v2/"] } } }',
    );
    expect(settings.models.get('m')!.revision).toMatchObject({
      backend: { driver: 'static', urls: ['http://a:1', 'http://b:1/v2'] },
      scale: { min: 2, max: 2 },
      rollout: 'start-first',
    });
  });
});

describe('what is written', () => {
  it('replaces the defaults', () => {
    const settings = parse(`
server:
  listen: "[::1]:0"
  admin: { listen: ":9000", token: secret }
  tls: { cert: tls.crt, key: /run/tls.key }
  cors: ["*"]
  heldMemory: 0
  drain: 0
auth: open
models:
  tts:
    aliases: [speech]
    match: { hosts: [TTS.example.com], paths: [/tts/], headers: { X-Kind: A }, stripPrefix: true }
    sendModel: real-name
    concurrency: 0
    queue: { timeout: 0 }
    scale: { min: 1, max: 3, ramp: 10s }
    timeouts: { firstByte: 90s }
    balance: { strategy: prefix, session: { cookie: sid } }
    rollout: stop-first
    backend:
      driver: process
      command: ["{pilotlight}", demo-backend, --port, "{port}"]
      headers: { Authorization: Bearer b }
      ready: { tcp: true, loading: warming }
`);
    expect(settings.server).toMatchObject({
      listen: { host: '::1', port: 0 },
      admin: { host: '0.0.0.0', port: 9000, token: 'secret' },
      tls: { certFile: '/etc/pilotlight/tls.crt', keyFile: '/run/tls.key' },
      corsOrigins: ['*'],
      heldMemoryBytes: 0,
      drainMs: 0,
    });
    expect(settings.auth.open).toBe(true);
    const { revision, ...model } = settings.models.get('tts')!;
    expect(model).toMatchObject({
      aliases: ['speech'],
      match: { hosts: ['tts.example.com'], paths: ['/tts/'], headers: { 'x-kind': 'A' }, stripPrefix: true },
    });
    expect(revision).toMatchObject({
      sendModel: 'real-name',
      concurrency: 0,
      queue: { timeoutMs: 0 },
      scale: { min: 1, max: 3, rampMs: 10_000 },
      timeouts: { firstByteMs: 90_000 },
      balance: { strategy: 'prefix', session: { cookie: 'sid' } },
      rollout: 'stop-first',
      backendHeaders: { authorization: 'Bearer b' },
      ready: { kind: 'tcp', loading: 'warming', headers: { authorization: 'Bearer b' } },
    });
  });

  it('lets a backend of HTTP/2 be asked by gRPC', () => {
    const backend = 'driver: static, urls: ["http://h"], http: 2, ready: { grpc: inference.Service }';
    const { revision } = parse(`models: { a: { backend: { ${backend} } } }`).models.get('a')!;
    expect(revision.ready).toMatchObject({ kind: 'grpc', service: 'inference.Service', statuses: [] });
  });

  it('may come from the environment, several times in a text', () => {
    const top = 'server: { spool: { dir: "${env.A}/x/${env.B}" } }';
    const settings = parse(fileWith({ top }), { env: { A: '/a', B: '' } });
    expect(settings.server.spool.dir).toBe('/a/x/');
  });

  it('may be a secret in a file next to the configuration, of which only the hash is kept for a key', () => {
    const top = `
server: { admin: { token: "file:token" } }
auth:
  keys:
    - { name: app, key: "file:/run/secrets/app", priority: high }
    - { name: batch, sha256: "50D858E0985ECC7F60418AAF0CC5AB587F42C2570A884095A9E8CCACD0F6545C" }
`;
    const fileByPath = {
      '/etc/pilotlight/token': 'tok\n',
      '/run/secrets/app': 'abc\r\n',
      '/run/backend': 'Bearer x',
    };
    const settings = parse(fileWith({ top, backend: 'headers: { authorization: "file:/run/backend" }' }), {
      fileByPath,
    });
    expect(settings.server.admin.token).toBe('tok');
    expect(settings.auth.keys).toEqual([
      {
        name: 'app',
        sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
        priority: 'high',
      },
      {
        name: 'batch',
        sha256: '50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c',
        priority: 'normal',
      },
    ]);
    expect(settings.models.get('llama')!.revision.backendHeaders).toEqual({ authorization: 'Bearer x' });
  });

  it('may name the folder of a secret file by a variable, whose value itself is never taken for a file', () => {
    const top = 'auth: { keys: [{ name: a, key: "file:${env.DIR}/a" }, { name: b, key: "${env.KEY}" }] }';
    const env = { DIR: '/run', KEY: 'file:/run/b' };
    const [a, b] = parse(fileWith({ top }), { env, fileByPath: { '/run/a': 'abc' } }).auth.keys;
    expect(a?.sha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(b?.sha256).toBe(createHash('sha256').update('file:/run/b').digest('hex'));
  });

  it('is left alone where it only looks like a secret file or a variable', () => {
    const settings = parse(fileWith({ backend: 'env: { A: "file:/x", B: "${HOME}" }' }));
    expect(settings.models.get('llama')!.revision.backend).toMatchObject({
      env: { A: 'file:/x', B: '${HOME}' },
    });
  });
});

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LogWriter } from '../../src/meter/log-writer.ts';
import { readSettings } from '../../src/sidecar/environment/read-settings.ts';
import { createSidecarLog } from '../../src/sidecar/sidecar-log.ts';
import { knativeEnvironment } from './environment/knative-environment.ts';

function logOf(environment: Record<string, string>) {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const writer = new LogWriter({ open: () => stream, canReopen: () => false, writeLast: () => undefined });
  const log = createSidecarLog(readSettings(environment), writer, () => Date.UTC(2026, 0, 2));
  return { log, text: () => new Promise<string>((resolve) => log.flush(() => resolve(text))) };
}

describe('the log of a sidecar', () => {
  it("has the gateway's keys in plain mode", async () => {
    const { log, text } = logOf({ USER_PORT: '1', CONTAINER_CONCURRENCY: '0' });
    log.warn({ error: new Error('broken'), port: 8012 }, 'a message');
    log.debug({}, 'not asked for');
    log.raw('a line\n');
    expect(await text()).toBe(
      '{"level":"warn","time":"2026-01-02T00:00:00.000Z","msg":"a message","error":"broken","port":8012}\na line\n',
    );
  });

  it("has zap's keys and the revision in Knative mode, and the level that is asked for", async () => {
    const { log, text } = logOf({ ...knativeEnvironment(), SERVING_LOGGING_LEVEL: 'error' });
    log.info({}, 'not asked for');
    log.error({}, 'a message');
    expect(JSON.parse(await text())).toEqual({
      severity: 'ERROR',
      timestamp: '2026-01-02T00:00:00.000Z',
      logger: 'queueproxy',
      message: 'a message',
      'knative.dev/key': 'default/llm-00001',
      'knative.dev/pod': 'llm-00001-deployment-abc',
    });
  });
});

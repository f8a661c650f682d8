import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../src/sidecar/environment/read-settings.ts';
import { knativeEnvironment } from '../sidecar-unit/environment/knative-environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'pilotlight-podinfo-'));
afterAll(() => rmSync(folder, { recursive: true }));
const plain = { USER_PORT: '8000', CONTAINER_CONCURRENCY: '4' };
const ofKnative = { ...knativeEnvironment(), PILOTLIGHT_PODINFO_DIR: folder };

function annotate(...lines: string[]): void {
  writeFileSync(join(folder, 'annotations'), lines.join('\n'));
}

describe('the features for models', () => {
  it('are asked for by annotations where Knative made the pod', () => {
    annotate(
      'qpoption.knative.dev/pilotlight-heartbeat="20s"',
      'qpoption.knative.dev/pilotlight-queue-depth="7"',
    );
    const settings = readSettings({ ...ofKnative, PILOTLIGHT_OPENAI_ERRORS: 'true' });
    expect(settings.model).toMatchObject({ heartbeatMs: 20_000, openaiErrors: false });
    expect(settings.queueMax).toBe(7);
  });

  it('are asked for by variables in plain mode', () => {
    const settings = readSettings({
      ...plain,
      PILOTLIGHT_OPENAI_ERRORS: 'true',
      PILOTLIGHT_PODINFO_DIR: folder,
    });
    expect(settings.model).toMatchObject({ heartbeatMs: 0, openaiErrors: true });
    expect(settings).toMatchObject({ queueMax: 40, warnings: [] });
  });

  it('stop the start where one has a value that cannot be taken', () => {
    annotate('qpoption.knative.dev/pilotlight-heartbeat="20"');
    expect(() => readSettings(ofKnative)).toThrow(
      'qpoption.knative.dev/pilotlight-heartbeat is "20": expected a duration with its unit, such as 20s, 1m30s or 0',
    );
    expect(() => readSettings({ ...plain, PILOTLIGHT_METRICS: 'all' })).toThrow(
      'PILOTLIGHT_METRICS is "all": expected true or false',
    );
  });

  it('only warn where one has a name that is not known', () => {
    annotate('qpoption.knative.dev/pilotlight-hearbeat="20s"');
    expect(readSettings(ofKnative).warnings).toEqual([
      expect.stringContaining('did you mean qpoption.knative.dev/pilotlight-heartbeat?'),
    ]);
  });
});

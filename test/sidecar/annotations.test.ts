import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { rawRequest } from '../support/raw-client.ts';
import { choosePorts, SidecarProcess } from './support/sidecar-process.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

/** The folder that the downward API fills with the pod's annotations, a quoted value to a line. */
function podInfo(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-podinfo-'));
  rig.onClose(() => rmSync(folder, { recursive: true }));
  const lines = Object.entries(annotations).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  writeFileSync(join(folder, 'annotations'), lines.join('\n'));
  return { PILOTLIGHT_PODINFO_DIR: folder };
}

/** What a request is answered that times out. */
async function refusal(env: Record<string, string>) {
  const app = await rig.app(() => undefined);
  await rig.start(app, { env: { ...env, REVISION_TIMEOUT_SECONDS: '1' } });
  const request = rawRequest('/v1/chat/completions', '{}', 'content-type: application/json\r\n');
  return await rig.client().write(request).answer();
}

describe('the annotations of the pod', () => {
  itsOwn('turn on what is for models', async () => {
    const env = podInfo({
      'kubernetes.io/config.seen': '2026-11-24T00:00:00Z',
      'qpoption.knative.dev/pilotlight-openai-errors': 'true',
    });
    const { status, fields, body } = await refusal(env);
    expect(status).toBe(504);
    expect(fields.get('content-type')).toMatch(/^application\/json/);
    expect(JSON.parse(body)).toMatchObject({ error: { message: expect.stringContaining('timeout') } });
  });

  itsOwn('of others change nothing', async () => {
    const env = podInfo({
      'qpoption.knative.dev/another-extension': 'on',
      'serving.knative.dev/creator': 'me',
    });
    expect(await refusal(env)).toMatchObject({ status: 504, body: 'request timeout' });
  });

  itsOwn('with a value that makes no sense end it with 1, by their name', async () => {
    const key = 'qpoption.knative.dev/pilotlight-openai-errors';
    const ports = await choosePorts();
    const env = podInfo({ [key]: 'perhaps' });
    const sidecar = new SidecarProcess(ports, SidecarProcess.envOf({ app: 8080, env }, ports));
    rig.onClose(() => sidecar.close());
    expect(await sidecar.exited()).toBe(1);
    expect(sidecar.errors).toContain(key);
  });
});

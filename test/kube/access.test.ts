import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadAccess } from '../../src/kube/access.ts';
import { ManualClock } from '../support/manual-clock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilotlight-access-'));
});
afterEach(() => rm(folder, { recursive: true }));

const none = { kubeconfig: null, context: null };

describe('the access to a cluster', () => {
  it('is the account of the pod, with a token that is read again each minute or when it was refused', async () => {
    for (const [name, text] of Object.entries({ token: 'one\n', 'ca.crt': 'CA', namespace: 'llm' }))
      await writeFile(join(folder, name), text);
    const clock = new ManualClock();
    const env = {
      KUBERNETES_SERVICE_HOST: 'fd00::1',
      KUBERNETES_SERVICE_PORT: '6443',
      KUBECONFIG: '/nowhere',
    };
    const access = await loadAccess(none, clock, { env, serviceAccount: folder });
    expect(access).toMatchObject({ server: 'https://[fd00::1]:6443', namespace: 'llm' });
    expect(await access.headers()).toEqual({ authorization: 'Bearer one' });
    await writeFile(join(folder, 'token'), 'two');
    await clock.advance(59_000);
    expect(await access.headers()).toEqual({ authorization: 'Bearer one' });
    await clock.advance(1_000);
    expect(await access.headers()).toEqual({ authorization: 'Bearer two' });
    await writeFile(join(folder, 'token'), 'three');
    access.refresh();
    expect(await access.headers()).toEqual({ authorization: 'Bearer three' });
  });

  it('is the context of a kubeconfig, whose token is read again when it was refused', async () => {
    const file = join(folder, 'config');
    const write = (token: string) =>
      writeFile(
        file,
        `{clusters: [{name: c, cluster: {server: "https://a:1/"}}], users: [{name: u, user: {token: ${token}}}],
          contexts: [{name: x, context: {cluster: c, user: u, namespace: n}}], current-context: other}`,
      );
    await write('one');
    const clock = new ManualClock();
    const access = await loadAccess({ kubeconfig: file, context: 'x' }, clock);
    expect(access).toMatchObject({ server: 'https://a:1', namespace: 'n' });
    expect(await access.headers()).toEqual({ authorization: 'Bearer one' });
    await write('two');
    access.refresh();
    expect(await access.headers()).toEqual({ authorization: 'Bearer two' });
    await expect(loadAccess({ kubeconfig: file, context: null }, clock)).rejects.toThrow('contexts: x');
  });

  it('says what was looked for where there is none', async () => {
    const access = loadAccess(none, new ManualClock(), { env: {}, home: folder, serviceAccount: folder });
    await expect(access).rejects.toThrow(`${folder}/.kube/config does not exist; set kubernetes.kubeconfig`);
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive } from '../drivers/process/children.ts';
import { settingsOf, startGateway } from '../support/gateway.ts';
import {
  backendOf,
  closeAll,
  commandsWith,
  fixed,
  folderOf,
  gatewayOf,
  local,
  pidOf,
  snapshotOf,
  textOf,
  until,
} from '../support/reload.ts';

afterEach(closeAll);

describe('a changed revision that starts first', () => {
  it('takes over when it is ready, with who waits at the old one in their order', async () => {
    const answers: (() => void)[] = [];
    const order: string[] = [];
    const before = await backendOf((res) => void answers.push(() => res.end('before')));
    const after = await backendOf((res, _req, body) => {
      order.push((JSON.parse(body) as { n: string }).n);
      res.end('after');
    });
    after.isReady = false;
    const gateway = await gatewayOf(fixed([before.url], 'concurrency: 1'));
    const running = textOf(gateway, { n: 'running' });
    await until(() => answers.length).toBe(1);
    gateway.app.reload(settingsOf(fixed([after.url], 'concurrency: 1')));
    await until(async () => (await snapshotOf(gateway)).rollout?.state).toBe('starting');
    const waiting: Promise<string>[] = [];
    for (const n of ['a', 'b', 'c']) {
      waiting.push(textOf(gateway, { n }));
      await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(waiting.length);
    }
    expect(order).toEqual([]);
    after.isReady = true;
    expect(await Promise.all(waiting)).toEqual(['after', 'after', 'after']);
    expect(order).toEqual(['a', 'b', 'c']);
    expect(await snapshotOf(gateway)).toMatchObject({ rollout: null, ending: [{ inFlight: 1 }] });
    answers[0]!();
    expect(await running).toBe('before');
    expect(before.seen).toHaveLength(1);
    await until(async () => (await snapshotOf(gateway)).ending).toEqual([]);
  });

  it('keeps the old one in service while the new one does not start, and says why', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'v1'), '');
    const gateway = await gatewayOf(local(folder, 'v1'));
    const pid = pidOf(await textOf(gateway));
    gateway.app.reload(settingsOf(local(folder, 'broken')));
    await until(async () => (await snapshotOf(gateway)).rollout?.failure?.reason).toBe(
      'exited with code 3: no such weights',
    );
    expect(await textOf(gateway)).toBe(`v1 ${pid}`);
    // Tried again after the back-off of a second.
    await until(async () => (await snapshotOf(gateway)).rollout?.lastStarts.length).toBe(2);
    expect(await textOf(gateway)).toBe(`v1 ${pid}`);
    writeFileSync(join(folder, 'v3'), '');
    gateway.app.reload(settingsOf(local(folder, 'v3')));
    await until(() => textOf(gateway)).toMatch(/^v3 /);
    await until(() => isAlive(pid)).toBe(false);
  });

  it('is given up when the configuration goes back, and the old one never notices', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'v1'), '');
    const gateway = await gatewayOf(local(folder, 'v1'));
    const pid = pidOf(await textOf(gateway));
    gateway.app.reload(settingsOf(local(folder, 'v2')));
    await until(async () => (await snapshotOf(gateway)).rollout?.replicas[0]?.state).toBe('starting');
    gateway.app.reload(settingsOf(local(folder, 'v1')));
    expect(await snapshotOf(gateway)).toMatchObject({ rollout: null, state: 'ready' });
    await until(async () => (await snapshotOf(gateway)).ending).toEqual([]);
    writeFileSync(join(folder, 'v2'), '');
    expect(await textOf(gateway)).toBe(`v1 ${pid}`);
  });

  it('gives way to a third while it starts', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'v1'), '');
    const gateway = await gatewayOf(local(folder, 'v1'));
    const pid = pidOf(await textOf(gateway));
    gateway.app.reload(settingsOf(local(folder, 'v2')));
    await until(async () => (await snapshotOf(gateway)).rollout?.replicas[0]?.state).toBe('starting');
    gateway.app.reload(settingsOf(local(folder, 'v3')));
    writeFileSync(join(folder, 'v2'), '');
    expect(await textOf(gateway)).toBe(`v1 ${pid}`);
    writeFileSync(join(folder, 'v3'), '');
    await until(() => textOf(gateway)).toMatch(/^v3 /);
    await until(async () => (await snapshotOf(gateway)).ending).toEqual([]);
  });

  it('starts nothing while the old one is cold: the next request wakes the new one', async () => {
    const folder = folderOf();
    for (const version of ['v1', 'v2']) writeFileSync(join(folder, version), '');
    const gateway = await gatewayOf(local(folder, 'v1'));
    gateway.app.reload(settingsOf(local(folder, 'v2')));
    expect(await snapshotOf(gateway)).toMatchObject({ state: 'cold', rollout: null, replicas: [] });
    expect(await textOf(gateway)).toMatch(/^v2 /);
  });

  it('serves who waits at an old one that does not get ready', async () => {
    const folder = folderOf();
    const gateway = await gatewayOf(local(folder, 'v1'));
    const waiting = textOf(gateway);
    await until(async () => (await snapshotOf(gateway)).replicas[0]?.state).toBe('starting');
    gateway.app.reload(settingsOf(local(folder, 'v2')));
    writeFileSync(join(folder, 'v2'), '');
    expect(await waiting).toMatch(/^v2 /);
  });

  it('settles on the last of many quick changes, and leaves no process of the others', async () => {
    const folder = folderOf();
    for (const version of ['v1', 'v2', 'v3', 'v4', 'v5']) writeFileSync(join(folder, version), '');
    const gateway = await gatewayOf(local(folder, 'v1'));
    await textOf(gateway);
    for (let round = 0; round < 30; round++) {
      const more = round % 5 === 4 ? 'rollout: stop-first' : 'rollout: start-first';
      gateway.app.reload(settingsOf(local(folder, `v${1 + (round % 5)}`, more)));
      // Some of them get as far as a process, and some of those as far as ready.
      if (round % 3 === 0) expect(await textOf(gateway)).toMatch(/^v\d /);
    }
    await until(() => textOf(gateway)).toMatch(/^v5 /);
    await until(async () => (await snapshotOf(gateway)).ending).toEqual([]);
    await until(() => commandsWith(folder)).toHaveLength(1);
  });

  it('ends with the gateway, as does the old one', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'v1'), '');
    const gateway = await startGateway(settingsOf(local(folder, 'v1')));
    const pid = pidOf(await textOf(gateway));
    gateway.app.reload(settingsOf(local(folder, 'v2')));
    await until(async () => (await snapshotOf(gateway)).rollout?.replicas[0]?.state).toBe('starting');
    const { origin } = (await snapshotOf(gateway)).rollout!.replicas[0]!;
    await gateway.close();
    expect(isAlive(pid)).toBe(false);
    await expect(fetch(origin)).rejects.toThrow();
  });
});

describe('a changed revision that stops first', () => {
  it('holds the waiters until the old one has ended, and never has two at once', async () => {
    const folder = folderOf();
    for (const version of ['v1', 'v2']) writeFileSync(join(folder, version), '');
    const gateway = await gatewayOf(local(folder, 'v1', 'scale: { min: 1 }'));
    const pid = pidOf(await textOf(gateway));
    gateway.app.reload(settingsOf(local(folder, 'v2', 'scale: { min: 1 }')));
    const held = await Promise.all(Array.from({ length: 5 }, () => textOf(gateway)));
    expect(held.every((answer) => answer.startsWith('v2 '))).toBe(true);
    expect(isAlive(pid)).toBe(false);
  });

  it('waits for what runs at the old one', async () => {
    const answers: (() => void)[] = [];
    const before = await backendOf((res) => void answers.push(() => res.end('before')));
    const after = await backendOf((res) => res.end('after'));
    const gateway = await gatewayOf(fixed([before.url], 'rollout: stop-first'));
    const running = textOf(gateway);
    await until(() => answers.length).toBe(1);
    gateway.app.reload(settingsOf(fixed([after.url], 'rollout: stop-first')));
    const held = textOf(gateway);
    await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(1);
    expect(after.seen).toHaveLength(0);
    answers[0]!();
    expect([await running, await held]).toEqual(['before', 'after']);
  });
});

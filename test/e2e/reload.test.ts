import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive } from '../drivers/process/children.ts';
import { answerJson } from '../support/backend.ts';
import { settingsOf } from '../support/gateway.ts';
import {
  backendOf,
  closeAll,
  fixed,
  folderOf,
  gatewayOf,
  local,
  pidOf,
  post,
  snapshotOf,
  textOf,
  until,
} from '../support/reload.ts';

afterEach(closeAll);

describe('a removed model', () => {
  it('serves who waits and runs, and is not found by others', async () => {
    const answers: (() => void)[] = [];
    const backend = await backendOf((res) => void answers.push(() => res.end('served')));
    const other = `${fixed([backend.url]).replace('  m:', '  other:')}`;
    const gateway = await gatewayOf(fixed([backend.url], 'concurrency: 1') + other);
    const accepted = [textOf(gateway), textOf(gateway)];
    await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(1);
    gateway.app.reload(settingsOf(other));
    expect((await post(gateway)).status).toBe(404);
    answers.shift()!();
    await until(() => answers.length).toBe(1);
    answers.shift()!();
    expect(await Promise.all(accepted)).toEqual(['served', 'served']);
  });

  it('ends its processes, also those of a rollout', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'v1'), '');
    const other = local(folder, 'v1').replace('  m:', '  other:');
    const gateway = await gatewayOf(local(folder, 'v1') + other);
    const pid = pidOf(await textOf(gateway));
    gateway.app.reload(settingsOf(local(folder, 'v2') + other));
    await until(async () => (await snapshotOf(gateway)).rollout?.replicas[0]?.state).toBe('starting');
    const { origin } = (await snapshotOf(gateway)).rollout!.replicas[0]!;
    gateway.app.reload(settingsOf(other));
    await until(() => isAlive(pid)).toBe(false);
    await until(() => fetch(origin).then(String, () => 'gone')).toBe('gone');
  });

  it('comes back as itself while it still ends', async () => {
    const answers: (() => void)[] = [];
    const backend = await backendOf((res) => void answers.push(() => res.end('served')));
    const models = fixed([backend.url], 'concurrency: 1');
    const other = fixed([backend.url]).replace('  m:', '  other:');
    const gateway = await gatewayOf(models + other);
    const first = textOf(gateway);
    await until(() => answers.length).toBe(1);
    gateway.app.reload(settingsOf(other));
    gateway.app.reload(settingsOf(models + other));
    const second = textOf(gateway);
    await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(1);
    expect(backend.peak()).toBe(1);
    answers.shift()!();
    await until(() => answers.length).toBe(1);
    answers.shift()!();
    expect(await Promise.all([first, second])).toEqual(['served', 'served']);
    expect(backend.peak()).toBe(1);
  });
});

describe('what a reload takes in place', () => {
  it('keeps the replicas when limits, queue, idle time or probe change', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, 'v1'), '');
    const gateway = await gatewayOf(local(folder, 'v1', 'concurrency: 3'));
    const before = await textOf(gateway);
    const more =
      'concurrency: 7\n    queue: { max: 5 }\n    scale: { max: 2, idle: 1m }\n    timeouts: { connect: 1s, stall: 0 }';
    gateway.app.reload(settingsOf(local(folder, 'v1', more).replace('/health }', '/health, startup: 1m }')));
    expect(await textOf(gateway)).toBe(before);
    expect(await snapshotOf(gateway)).toMatchObject({
      limit: 7,
      queue: { max: 5 },
      rollout: null,
      ending: [],
    });
  });

  it('gives a raised limit to who waits, and a lowered one to who comes', async () => {
    const answers: (() => void)[] = [];
    const backend = await backendOf((res) => void answers.push(() => res.end('ok')));
    const gateway = await gatewayOf(fixed([backend.url], 'concurrency: 1'));
    const all = Array.from({ length: 4 }, () => textOf(gateway));
    await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(3);
    gateway.app.reload(settingsOf(fixed([backend.url], 'concurrency: 3')));
    await until(() => answers.length).toBe(3);
    gateway.app.reload(settingsOf(fixed([backend.url], 'concurrency: 2')));
    answers[0]!();
    await all[0];
    expect(await snapshotOf(gateway)).toMatchObject({ inFlight: 2, queue: { waiting: 1 } });
    answers[1]!();
    await until(() => answers.length).toBe(4);
    for (const answer of answers.slice(2)) answer();
    expect(await Promise.all(all)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('lists and matches by the new configuration at once, while the revision is still on its way', async () => {
    const [before, after, other] = [
      await backendOf((res) => res.end('before')),
      await backendOf((res) => res.end('after')),
      await backendOf((res) => res.end('other')),
    ];
    after.isReady = false;
    const n = (more: string) => fixed([other.url], more).replace('  m:', '  n:');
    const gateway = await gatewayOf(
      fixed([before.url], 'aliases: [x]\n    match: { paths: [/old] }') + n('aliases: [y]'),
    );
    expect(await textOf(gateway)).toBe('before');
    const changed = fixed([after.url], 'aliases: [y]\n    match: { paths: [/new] }') + n('aliases: [x]');
    gateway.app.reload(settingsOf(changed));
    expect(await (await post(gateway, {}, 'x')).text()).toBe('other');
    expect(await (await post(gateway, {}, 'y')).text()).toBe('before');
    expect((await fetch(`${gateway.url}/old`)).status).toBe(404);
    expect(await (await fetch(`${gateway.url}/new`)).text()).toBe('before');
    expect(await snapshotOf(gateway)).toMatchObject({ aliases: ['y'], rollout: { state: 'starting' } });
    const list = (await (await fetch(`${gateway.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).toEqual(['m', 'y', 'n', 'x']);
    after.isReady = true;
    await until(() => textOf(gateway)).toBe('after');
  });

  it('keeps a paused model paused', async () => {
    const backend = await backendOf(answerJson);
    const gateway = await gatewayOf(fixed([backend.url]));
    await fetch(`${gateway.adminUrl}/api/models/m/pause`, { method: 'POST' });
    gateway.app.reload(settingsOf(fixed([`${backend.url}/v2`])));
    expect((await post(gateway)).status).toBe(503);
    await fetch(`${gateway.adminUrl}/api/models/m/resume`, { method: 'POST' });
    await until(() => post(gateway).then((r) => r.status)).toBe(200);
    expect(backend.seen.at(-1)!.url).toBe('/v2/v1/chat/completions');
  });
});

describe('a server that stays in the list', () => {
  it('never runs more than the limit, counted over both revisions', async () => {
    const answers: (() => void)[] = [];
    const stays = await backendOf((res) => void answers.push(() => res.end('ok')));
    const [leaves, comes] = [await backendOf(answerJson), await backendOf(answerJson)];
    leaves.isReady = comes.isReady = false;
    const gateway = await gatewayOf(fixed([stays.url, leaves.url], 'concurrency: 2\n    scale: { min: 1 }'));
    const old = [textOf(gateway), textOf(gateway)];
    await until(() => answers.length).toBe(2);
    gateway.app.reload(
      settingsOf(fixed([stays.url, comes.url], 'concurrency: 2\n    scale: { min: 1 }\n    cold: reject')),
    );
    await until(async () => (await snapshotOf(gateway)).ending.length).toBe(1);
    const fresh = [textOf(gateway), textOf(gateway)];
    await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(2);
    answers[0]!();
    await until(() => answers.length).toBe(3);
    answers[1]!();
    await until(() => answers.length).toBe(4);
    for (const answer of answers.slice(2)) answer();
    expect(await Promise.all([...old, ...fresh])).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(stays.peak()).toBe(2);
  });
});

import { afterEach, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { settingsOf } from '../support/gateway.ts';
import { backendOf, closeAll, fixed, gatewayOf, post, snapshotOf, textOf, until } from '../support/reload.ts';

afterEach(closeAll);

it('takes a smaller queue at once: who waits stays, the next is refused', async () => {
  const answers: (() => void)[] = [];
  const backend = await backendOf((res) => void answers.push(() => res.end('served')));
  const model = (max: number) => fixed([backend.url], `concurrency: 1\n    queue: { max: ${max} }`);
  const gateway = await gatewayOf(model(5));
  const accepted = [textOf(gateway), textOf(gateway), textOf(gateway)];
  await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(2);
  gateway.app.reload(settingsOf(model(1)));
  const refused = await post(gateway);
  expect([refused.status, await refused.text()]).toEqual([
    429,
    expect.stringContaining('has 2 of 1 waiting'),
  ]);
  for (let n = 0; n < 3; n++) {
    await until(() => answers.length).toBe(1);
    answers.shift()!();
  }
  expect(await Promise.all(accepted)).toEqual(['served', 'served', 'served']);
});

it('takes another limit for stalls while requests run', async () => {
  const held: (() => void)[] = [];
  const backend = await backendOf((res) => void held.push(() => res.end('late')));
  const model = (stall: string) =>
    fixed([backend.url], `timeouts: { stall: ${stall}, firstByte: 1h, total: 1h }`);
  const gateway = await gatewayOf(model('1h'));
  const hanging = textOf(gateway);
  await until(() => held.length).toBe(1);
  const state = async () => (await snapshotOf(gateway)).replicas[0]!.state;
  expect(await state()).toBe('ready');
  // Its probes fail from now on, so that it stays out once it is.
  backend.isReady = false;
  gateway.app.reload(settingsOf(model('200ms')));
  await until(state).toBe('suspect');
  held[0]!();
  expect(await hanging).toBe('late');
});

it('takes another concurrency for the requests that wait', async () => {
  const backend = await backendOf(answerJson);
  backend.isReady = false;
  const gateway = await gatewayOf(fixed([backend.url], 'concurrency: 1'));
  const waiting = [post(gateway), post(gateway)];
  await until(async () => (await snapshotOf(gateway)).queue.waiting).toBe(2);
  gateway.app.reload(settingsOf(fixed([backend.url], 'concurrency: 2')));
  backend.isReady = true;
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  await until(async () => (await snapshotOf(gateway)).limit).toBe(2);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildGateway, type ChildGatewayOptions } from './support/child-gateway.ts';
import { deployment, TestNamespace } from './support/cluster.ts';

const durationMs = 3_000;
const retryMs = 500;
const quick = 'lease: { duration: 3s, renewDeadline: 2s, retry: 500ms }';
/** So long that only a lease that was given up can be had within a test. */
const slow = 'lease: { duration: 2m, renewDeadline: 1m, retry: 500ms }';

let place: TestNamespace;
const gateways: ChildGateway[] = [];
beforeEach(() => {
  place = new TestNamespace();
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.end();
  place.close();
});

const model = (idle = '1h') => `  llama:
    backend: { driver: kubernetes, scaleTarget: deployment/llama, port: 8000 }
    scale: { max: 4, idle: ${idle} }
`;

async function start(options: Partial<ChildGatewayOptions>): Promise<ChildGateway> {
  const gateway = await ChildGateway.start({
    ...{ namespace: place.name, kubernetes: quick, models: model() },
    ...options,
  });
  gateways.push(gateway);
  return gateway;
}

/** One that leads, and another of its group. */
async function pair(
  first: Partial<ChildGatewayOptions>,
  second: Partial<ChildGatewayOptions> = first,
): Promise<[ChildGateway, ChildGateway]> {
  place.apply(deployment({ name: 'llama', gpus: 0 }));
  const leader = await start(first);
  await leader.leads();
  const standby = await start(second);
  await expect.poll(async () => (await standby.ready()).status).toBe(`on standby: ${holder()} leads`);
  return [leader, standby];
}

const lease = <T>(field: string) =>
  place.kubectl(['get', 'lease', 'pilotlight', '--ignore-not-found', '-o', `jsonpath={${field}}`]) as T;
const holder = () => lease<string>('.spec.holderIdentity');
const replicas = () =>
  Number(place.kubectl(['get', 'deployment', 'llama', '-o', 'jsonpath={.spec.replicas}']));

describe('of two gateways of a group', () => {
  it('one leads and serves; the other is not ready and refuses, and both say who leads', async () => {
    const [leader, standby] = await pair({});
    expect((await leader.ask('llama')).status).toBe(200);
    const leaderName = holder();
    expect(await standby.ready()).toEqual({ code: 503, status: `on standby: ${leaderName} leads` });
    const refused = await standby.askError('llama');
    expect(refused).toMatchObject({ status: 503, code: 'standby' });
    expect(refused.message).toContain(`${leaderName} leads`);
    await expect.poll(() => standby.log.map(({ reason }) => reason)).toContain(`${leaderName} leads`);
    expect(replicas()).toBe(1);
  });

  it('the leader that is told to end gives the lease up at once, and its stream goes on to its end', async () => {
    const [leader, standby] = await pair({ kubernetes: slow });
    const long = { stream: true, max_tokens: 6_000, ignore_eos: true };
    const response = await leader.ask('llama', long);
    let hasEnded = false;
    const streamed = response.text().finally(() => {
      hasEnded = true;
    });
    const old = holder();
    leader.kill('SIGTERM');
    await standby.leads();
    expect(holder()).not.toBe(old);
    expect((await standby.ask('llama')).status).toBe(200);
    expect(hasEnded).toBe(false);
    const refused = await leader.askError('llama');
    expect(refused).toMatchObject({ status: 503, code: 'draining' });
    const text = await streamed;
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(text.match(/"content":/g)!.length).toBeGreaterThanOrEqual(6_000);
    expect(await leader.exit).toBe(0);
    expect(replicas()).toBe(1);
  });

  it('the leader that is killed is followed when its lease has run out, and not before', async () => {
    const [leader, standby] = await pair({});
    const atMs = performance.now();
    leader.kill('SIGKILL');
    await standby.leads();
    const tookMs = performance.now() - atMs;
    expect(tookMs).toBeGreaterThan(durationMs - retryMs - 100);
    expect(tookMs).toBeLessThan(durationMs + 3_000);
    expect((await standby.ask('llama')).status).toBe(200);
  });

  it('the new leader lowers no count before the drain of the old one has passed', async () => {
    const [leader, standby] = await pair(
      { drain: '8s', models: model('1s') },
      { drain: '1s', models: model('1s') },
    );
    expect((await leader.ask('llama')).status).toBe(200);
    leader.kill('SIGKILL');
    await standby.leads();
    const atMs = performance.now();
    expect(replicas()).toBe(1);
    await expect.poll(replicas).toBe(0);
    // It leads a little earlier than it is seen to.
    expect(performance.now() - atMs).toBeGreaterThan(8_000 - 500);
  });

  it.each([
    [3_600_000, -3_600_000],
    [-3_600_000, 3_600_000],
  ])('leadership stays where it is when the clocks are %d ms and %d ms off', async (first, second) => {
    const [leader, standby] = await pair({ aheadMs: first }, { aheadMs: second });
    const name = holder();
    const told = Date.parse(lease<string>('.spec.renewTime'));
    expect(Math.abs(told - (Date.now() + first))).toBeLessThan(60_000);
    const renewals = new Set<string>();
    await expect.poll(() => renewals.add(lease('.spec.renewTime')).size).toBeGreaterThan(8);
    expect(holder()).toBe(name);
    expect(Number(lease('.spec.leaseTransitions'))).toBe(1);
    expect([(await leader.ready()).code, (await standby.ready()).code]).toEqual([200, 503]);
    const atMs = performance.now();
    leader.kill('SIGKILL');
    await standby.leads();
    expect(performance.now() - atMs).toBeGreaterThan(durationMs - retryMs - 100);
    expect((await standby.ask('llama')).status).toBe(200);
  });

  it('the leader makes a lease anew that somebody deleted, and goes on leading', async () => {
    const [leader, standby] = await pair({});
    const [name, uid] = [holder(), lease<string>('.metadata.uid')];
    place.kubectl(['delete', 'lease', 'pilotlight']);
    await expect.poll(() => lease<string>('.metadata.uid')).toMatch(/./);
    expect(lease<string>('.metadata.uid')).not.toBe(uid);
    expect(holder()).toBe(name);
    expect([(await leader.ready()).code, (await standby.ready()).code]).toEqual([200, 503]);
    expect((await leader.ask('llama')).status).toBe(200);
  });
});

it('a gateway that may not have leases says which verbs it needs, where it is asked and in its log', async () => {
  place.kubectl(['create', 'serviceaccount', 'bare']);
  const gateway = await start({ account: 'bare' });
  const words = `leases in namespace "${place.name}" need the verbs get, create and update`;
  await expect.poll(async () => (await gateway.ready()).status).toContain(words);
  expect((await gateway.ready()).code).toBe(503);
  const told = () => gateway.log.filter(({ reason }) => String(reason).includes(words));
  await expect.poll(() => told().map(({ level }) => level)).toEqual([40]);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;

/** Each phase takes long enough to be told from the others. */
const script = {
  'attach-ms': 300,
  'pull-ms': 400,
  'init-ms': 500,
  'listen-ms': 300,
  'load-ms': 600,
  'probe-ms': 50,
};
const phases = [
  'patched',
  'pod created',
  'scheduled',
  'volumes attached',
  'image pulling',
  'image pulled',
  'init containers',
  'container started',
  'port open',
  'loading',
  'ready',
  'first byte',
];
const pod = { initContainers: [{ name: 'weights', image: 'registry.example/weights:v1' }] };
const heartbeat = 'heartbeat: { stream: 100ms }';
const commentsOf = (text: string) => text.split('\n').filter((line) => line.startsWith(': pilotlight'));
const phaseIn = (comment: string) => /phase="([^"]*)"/.exec(comment)?.[1];
const etaIn = (comment: string) => Number(/eta=([\d.]+)s/.exec(comment)?.[1]);

beforeEach(async () => {
  if (hasSuite) stage = await Stage.open();
});
afterEach(async () => {
  if (hasSuite) await stage.close();
});

/** Where the pairs of a Server-Timing value stand, in milliseconds. */
const timingsOf = (value: string | null) =>
  new Map(
    (value ?? '').split(', ').map((entry): [string, number] => {
      const [name = '', ms] = entry.split(';dur=');
      return [name, Number(ms)];
    }),
  );

describe.runIf(hasSuite)('the waterfall of a start', () => {
  it('has each phase with its time, in the API, the metrics and the answer', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 1, script, pod }));
    await stage.serve({ name: 'llama' });
    const answer = await stage.ask('llama');
    expect(answer.status).toBe(200);

    const start = await stage.lastStart('llama');
    expect(start?.outcome).toBe('ready');
    expect(start?.steps.map(({ name }) => name)).toEqual(phases);
    const offsets = start!.steps.map(({ offsetMs }) => offsetMs);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    const at = (name: string) => start!.steps.find((step) => step.name === name)!.offsetMs;
    const took = (from: string, to: string) => at(to) - at(from);
    // A status may be written a moment before or after its event.
    const slackMs = 100;
    expect(at('scheduled')).toBeLessThan(1_500);
    expect(took('scheduled', 'volumes attached')).toBeGreaterThan(script['attach-ms'] - slackMs);
    expect(took('image pulling', 'image pulled')).toBeGreaterThan(script['pull-ms'] - slackMs);
    expect(took('image pulled', 'init containers')).toBeGreaterThan(script['init-ms'] - slackMs);
    expect(took('container started', 'port open')).toBeGreaterThan(script['listen-ms'] - slackMs);
    expect(took('port open', 'ready')).toBeGreaterThan(script['load-ms'] - slackMs);
    expect(start!.totalMs).toBeLessThan(answer.tookMs);

    const timings = timingsOf(answer.headers.get('x-pilotlight-cold-start-detail'));
    const tokens = phases.slice(0, -1).map((name) => name.replaceAll(' ', '-'));
    expect([...timings.keys()]).toEqual(tokens);
    const sum = [...timings.values()].reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - start!.totalMs!)).toBeLessThan(tokens.length);

    const metrics = await (await fetch(`${stage.gateway.adminUrl}/metrics`)).text();
    for (const phase of phases.slice(0, -1)) {
      const labels = `model="llama",phase="${phase}"`;
      expect(metrics).toContain(`pilotlight_cold_start_phase_seconds_count{${labels}} 1\n`);
    }
  });

  it('has the warm-up of a pod that is to be warmed, when the probe that the pod names has passed', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script, pod }));
    await stage.serve({ name: 'llama', ready: 'warmUp: auto' });
    expect((await stage.ask('llama')).status).toBe(200);
    const steps = (await stage.lastStart('llama'))!.steps.map(({ name }) => name);
    expect(steps.slice(steps.indexOf('loading'))).toEqual([
      'loading',
      'warming',
      'warmed',
      'ready',
      'first byte',
    ]);
  });

  it('is told to a waiting stream, phase by phase', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script, pod }));
    await stage.serve({ name: 'llama', more: heartbeat });
    const { status, text } = await stage.ask('llama', { stream: true });
    expect(status).toBe(200);
    const told = commentsOf(text)
      .map(phaseIn)
      .filter((phase) => phase !== undefined);
    const seen = [...new Set(told)];
    expect(seen).toEqual(phases.filter((phase) => seen.includes(phase)));
    const lasting = ['scheduled', 'image pulling', 'image pulled', 'container started', 'loading'];
    expect(seen).toEqual(expect.arrayContaining(lasting));
    expect(commentsOf(text).at(-1)).toMatch(
      / start: patched;dur=\d+, pod-created;dur=\d+, .*, ready;dur=\d+$/,
    );
    expect(text).toMatch(/\ndata: \[DONE\]\n\n$/);
  });

  it('tells a waiting stream why the scheduler has no room', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 9 }));
    await stage.serve({ name: 'llama', scale: 'idle: 1h, capacityTimeout: 1500ms', more: heartbeat });
    const { status, text, isCut } = await stage.ask('llama', { stream: true });
    expect([status, isCut]).toEqual([200, true]);
    const comments = commentsOf(text);
    expect(comments.at(-1)).toMatch(
      /phase="pod created" detail="unschedulable: 0\/2 nodes are available: 2 Insufficient nvidia\.com\/gpu/,
    );
    expect(text).toMatch(/data: \{"error":\{.*"code":"no_capacity"/);
    expect(text).not.toContain('[DONE]');
  });
});

describe.runIf(hasSuite)('what was learned of starts', () => {
  const metadata = { name: 'pilotlight-starts' };

  it('is told as the time that is left, also by the next gateway', async () => {
    const workload = deployment({ name: 'llama', gpus: 0, script });
    stage.place.apply([...workload, { apiVersion: 'v1', kind: 'ConfigMap', metadata }]);
    const model = { name: 'llama', more: heartbeat, scale: 'idle: 1s' };
    await stage.serve(model);
    const first = await stage.ask('llama', { stream: true });
    expect(commentsOf(first.text).join('\n')).not.toContain('eta=');
    const tookMs = (await stage.lastStart('llama'))!.totalMs!;
    await expect.poll(() => stage.asked('llama')).toBe(0);
    await expect.poll(() => stage.place.list('pods')).toEqual([]);
    await stage.quit();

    await stage.serve(model);
    expect((await stage.view('llama')).lastStarts).toEqual([]);
    const { text } = await stage.ask('llama', { stream: true });
    const etas = commentsOf(text)
      .filter((comment) => phaseIn(comment) !== undefined)
      .map(etaIn);
    expect(etas.length).toBeGreaterThan(5);
    expect(etas[0]! * 1_000).toBeGreaterThan(tookMs / 2);
    expect(etas[0]! * 1_000).toBeLessThanOrEqual(tookMs + 100);
    expect(etas.at(-1)).toBeLessThan(etas[0]! / 2);
  });
});

import { describe, expect, it } from 'vitest';
import { warningsOf } from '../../src/config/warnings.ts';
import { type FaultCase, faultsOf, fileWith, parse } from './parse.ts';

const scale = (text: string) => fileWith({ model: `scale: { ${text} }` });
const ladder = (...rungs: string[]) => scale(`ladder: [${rungs.join(', ')}]`);
const rungsOf = (text: string) => parse(text).models.get('llama')!.revision.ladder;

const own = (more = '') => `{ name: mine, sleep: { post: /down }, wake: { post: /up }${more} }`;

const cluster = (text: string, backend = '') => `
models:
  llama:
    backend: { driver: kubernetes, scaleTarget: deployment/llama${backend} }
    scale: { ${text} }
`;

const cases: readonly FaultCase[] = [
  ['an unknown preset', ladder('vllm-3'), '[0]', 'must be vllm-1, vllm-2, freeze or a map', null],
  [
    'a preset and its own way down',
    ladder('{ preset: vllm-1, sleep: { post: /a } }'),
    '[0].sleep',
    'does not apply with preset',
    null,
  ],
  ['no way up', ladder('{ name: a, sleep: { post: /a } }'), '[0].wake', 'is required without preset', null],
  [
    'no name',
    ladder('{ sleep: { post: /a }, wake: { post: /b } }'),
    '[0].name',
    'is required without preset',
    null,
  ],
  [
    'a step of two kinds',
    ladder('{ name: a, sleep: { post: /a, signal: stop }, wake: { post: /b } }'),
    '[0].sleep',
    'must have one of post, run, signal',
    null,
  ],
  [
    'a step of no kind in a list',
    ladder('{ name: a, sleep: [{ post: /a }, { timeout: 1s }], wake: { post: /b } }'),
    '[0].sleep[1]',
    'must have one of post, run, signal',
    null,
  ],
  ['no steps', ladder('{ name: a, sleep: [], wake: { post: /b } }'), '[0].sleep', 'must not be empty', null],
  [
    'a path that is none',
    ladder('{ name: a, sleep: { post: sleep }, wake: { post: /b } }'),
    '[0].sleep.post',
    'must begin with /',
    null,
  ],
  [
    'another signal',
    ladder('{ name: a, sleep: { signal: kill }, wake: { post: /b } }'),
    '[0].sleep.signal',
    'must be stop or continue',
    null,
  ],
  [
    'a body without a request',
    ladder('{ name: a, sleep: { run: [x], body: "{}" }, wake: { post: /b } }'),
    '[0].sleep.body',
    'applies to post only',
    null,
  ],
  [
    'a program without a name',
    ladder('{ name: a, sleep: { run: [""] }, wake: { post: /b } }'),
    '[0].sleep.run',
    'must name a program',
    null,
  ],
  [
    'a check of two kinds',
    ladder(own(', check: { get: /a, run: [b], asleep: c }')),
    '[0].check',
    'must have one of get, run',
    null,
  ],
  ['a cost above 1', ladder('{ preset: vllm-1, cost: 1.5 }'), '[0].cost', 'must be at most 1', null],
  [
    'costs that do not fall',
    ladder('vllm-1', '{ preset: vllm-2, cost: 0.2 }'),
    '[1].cost',
    'must be less than that of the rung before it, which is 0.2',
    null,
  ],
  [
    'a deeper rung that comes first',
    ladder('{ preset: vllm-1, after: 2m }', '{ preset: vllm-2, after: 1m }'),
    '[1].after',
    'must be more than that of the rung before it, which is 2m',
    null,
  ],
  [
    'one name twice',
    ladder('{ preset: vllm-1, name: a }', '{ preset: vllm-2, name: a }'),
    '[1].name',
    'is the name of another rung',
    null,
  ],
  [
    'replicas that are all kept awake',
    scale('min: 2, ladder: [vllm-1]'),
    '',
    'has no effect: scale.min keeps all of 2 awake',
    null,
  ],
  [
    'no price of a start and no time',
    scale('idle: 0, ladder: [vllm-1]'),
    '[0].after',
    'is required with idle: 0',
    null,
  ],
  [
    'a server that is always there',
    'models: { llama: { backend: { driver: static, urls: ["http://a"] }, scale: { min: 0, ladder: [vllm-1] } } }',
    '',
    'does not apply to static',
    null,
  ],
  ['a signal to a pod', cluster('ladder: [freeze]'), '[0]', 'reach processes of this machine only', null],
  [
    'a command for a pod',
    cluster('ladder: [{ name: a, sleep: { run: [x] }, wake: { post: /b } }]'),
    '[0]',
    'reach processes of this machine only',
    null,
  ],
  [
    'a check by command of a pod',
    cluster(`ladder: [${own(', check: { run: [b], asleep: c }')}]`),
    '[0]',
    'reach processes of this machine only',
    null,
  ],
  [
    'a pod that cannot be asked',
    cluster(`ladder: [${own()}]`),
    '[0].check',
    'is required with kubernetes',
    null,
  ],
  [
    'a Service before the pods',
    cluster('ladder: [vllm-1]', ', service: a, route: service'),
    '',
    'does not apply with route: service',
    null,
  ],
  [
    'a count of others',
    cluster('owner: external, ladder: [vllm-1]'),
    '',
    'does not apply with owner: external',
    null,
  ],
];

describe('scale.ladder', () => {
  it('is empty unless said otherwise', () => {
    expect(rungsOf(fileWith({}))).toEqual([]);
  });

  it('knows vLLM by one word a level', () => {
    const check = {
      ask: { kind: 'http', path: '/is_sleeping' },
      asleep: '"is_sleeping":true',
      timeoutMs: 5_000,
    };
    const post = (path: string, timeoutMs: number, body: string | null = null) => {
      return { kind: 'http', path, body, statuses: [], timeoutMs };
    };
    expect(rungsOf(ladder('vllm-1', 'vllm-2'))).toEqual([
      {
        name: 'vllm-1',
        afterMs: null,
        cost: 0.2,
        sleep: [post('/sleep?level=1', 120_000)],
        wake: [post('/wake_up', 120_000)],
        check,
      },
      {
        name: 'vllm-2',
        afterMs: null,
        cost: 0.1,
        sleep: [post('/sleep?level=2', 600_000)],
        wake: [
          post('/wake_up?tags=weights', 600_000),
          post('/collective_rpc', 600_000, '{"method":"reload_weights"}'),
          post('/wake_up?tags=kv_cache', 600_000),
        ],
        check,
      },
    ]);
  });

  it('takes a preset with a time, a cost and a limit of its own', () => {
    const [rung] = rungsOf(ladder('{ preset: vllm-2, name: deep, after: 2m, cost: 0.05, timeout: 20m }'));
    expect(rung).toMatchObject({ name: 'deep', afterMs: 120_000, cost: 0.05 });
    expect(rung!.wake.map((step) => 'timeoutMs' in step && step.timeoutMs)).toEqual([
      1_200_000, 1_200_000, 1_200_000,
    ]);
  });

  it('takes requests, commands and signals, one or several', () => {
    const [rung] = rungsOf(
      ladder(
        '{ name: own way, cost: 0.3, sleep: { run: [cuda-checkpoint, --toggle, --pid, "{pid}"], timeout: 30s }, ' +
          'wake: [{ signal: continue }, { post: /up?a=b, body: "{}", status: [204], timeout: 1m }], ' +
          'check: { run: [state, "{pid}"], asleep: "check pointed" } }',
      ),
    );
    expect(rung).toEqual({
      name: 'own way',
      afterMs: null,
      cost: 0.3,
      sleep: [
        { kind: 'command', command: ['cuda-checkpoint', '--toggle', '--pid', '{pid}'], timeoutMs: 30_000 },
      ],
      wake: [
        { kind: 'signal', signal: 'continue' },
        { kind: 'http', path: '/up?a=b', body: '{}', statuses: [204], timeoutMs: 60_000 },
      ],
      check: {
        ask: { kind: 'command', command: ['state', '{pid}'] },
        asleep: 'checkpointed',
        timeoutMs: 5_000,
      },
    });
  });

  it('costs more where the pod keeps its GPU', () => {
    expect(rungsOf(cluster('ladder: [vllm-1, vllm-2]')).map(({ cost }) => cost)).toEqual([0.9, 0.8]);
  });

  it.each(cases)('with %s is refused', (_what, text, path, message, hint) => {
    const fault = {
      path: `models.llama.scale.ladder${path}`,
      message: expect.stringContaining(message),
      hint,
    };
    expect(faultsOf(text)).toEqual([expect.objectContaining(fault)]);
  });

  it('warns of a rung that frees no memory, and of one that is never taken', () => {
    const top = 'server: { drain: 10m }';
    const model = 'scale: { idle: 5m, ladder: [{ preset: freeze, after: 5m }, vllm-1] }';
    expect(warningsOf(parse(fileWith({ top, model })))).toEqual([
      'models.llama.scale.ladder[0] (freeze) stops the processes and frees no memory, that of the GPU neither',
      'models.llama.scale.ladder[0] (freeze) is never taken: after 5m, but stopped after 5m',
    ]);
    const adaptive = model.replace('5m', 'adaptive').replace('preset: freeze', 'preset: vllm-1, cost: 0.5');
    expect(warningsOf(parse(fileWith({ top, model: adaptive.replace(', vllm-1]', ', vllm-2]') })))).toEqual(
      [],
    );
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { type ContractName, contractNames, contractReady, type Invocation } from '../../src/core/contract.ts';
import type { JsonValue } from '../../src/core/json.ts';
import { type DemoBackendOptions, parseDemoArgs } from '../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../src/demo-backend/server.ts';
import { contractOf } from '../../src/protocols/contracts/contracts.ts';
import { ManualClock } from '../support/manual-clock.ts';

const fast: DemoBackendOptions = {
  ...parseDemoArgs(['--port', '0', '--load-time', '0ms', '--first-token', '1ms']),
  tokensPerSecond: 5_000,
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(clock?: ManualClock, loadTimeMs = 0) {
  const backend = await startDemoBackend({ ...fast, loadTimeMs }, clock);
  closers.push(() => backend.close());
  return `http://127.0.0.1:${backend.port}`;
}

/** Asks it as a model of this contract is asked. */
async function ask(url: string, name: ContractName, input: JsonValue, isStream = false) {
  const contract = contractOf(name);
  const common = { path: null, method: 'POST', contentType: 'application/json', headers: {} };
  const invocation: Invocation = { ...common, content: { input }, isStream, id: 'job-1' };
  const call = contract.call(invocation, { name: 'demo', path: null, responses: 'backend' });
  const headers = { ...call.headers, 'content-type': call.contentType };
  const answer = await fetch(url + call.path, { method: call.method, headers, body: call.body });
  const body = Buffer.from(await answer.arrayBuffer());
  const contentType = answer.headers.get('content-type') ?? '';
  const outcome = contract.outcome({ status: answer.status, contentType, body });
  return { ...outcome, text: contract.textOf(outcome.output), contentType };
}

const input = { prompt: 'Hello', max_tokens: 4 };

describe('a demo backend, asked by a contract', () => {
  it.each(['openai', 'sagemaker', 'cog', 'runpod', 'vertex', 'kserve'] as const)(
    'answers as %s',
    async (name) => {
      const { error, text } = await ask(await start(), name, input);
      expect(error).toBeNull();
      expect(text!.trim()).toBe('This is a simulated');
    },
  );

  it('answers each of several instances, with the parameters of all', async () => {
    const instances = [{ prompt: 'a' }, { prompt: 'b' }];
    const { output } = await ask(await start(), 'vertex', { instances, parameters: { max_tokens: 1 } });
    expect(output).toEqual([expect.stringContaining('This'), expect.stringContaining('This')]);
  });

  it('streams as a SageMaker container, and not as one of Cog', async () => {
    const url = await start();
    const streamed = await ask(url, 'sagemaker', { ...input, stream: true }, true);
    expect(streamed.contentType).toContain('text/event-stream');
    expect(streamed.text!.trim()).toBe('This is a simulated');
    expect((await ask(url, 'cog', input, true)).error).toContain('406');
  });

  it.each([
    ['cog', { prompts: 'a' }, 'prompt is missing'],
    ['cog', 'a', 'input must be an object'],
    ['vertex', { instances: [1] }, 'instances must be a list of objects'],
  ] as const)('refuses as %s what it cannot read: %o', async (name, wrong, message) => {
    expect((await ask(await start(), name, wrong)).error).toContain(message);
  });
});

it('a demo backend says where each contract asks whether it is ready', async () => {
  const clock = new ManualClock();
  const url = await start(clock, 1_000);
  const isReady = async (name: ContractName) => {
    const { path, body } = contractReady[name];
    const answer = await fetch(url + path);
    return answer.status === 200 && (await answer.text()).includes(body ?? '');
  };
  expect(await Promise.all(contractNames.map(isReady))).toEqual(contractNames.map(() => false));
  await clock.advance(1_000);
  expect(await Promise.all(contractNames.map(isReady))).toEqual(contractNames.map(() => true));
});

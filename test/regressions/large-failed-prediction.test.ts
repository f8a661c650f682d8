import { afterEach, expect, it } from 'vitest';
import { PumpRigs } from '../jobs/pump-rig.ts';
import { fixedModel } from '../support/world.ts';

const rigs = new PumpRigs();
afterEach(() => rigs.close());

it('a prediction that failed has failed, also where its answer is so large that it lies in a blob', async () => {
  const answer = JSON.stringify({ status: 'failed', error: 'out of memory', logs: 'x'.repeat(100_000) });
  const backend = await rigs.backend((res, req) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    // Its readiness is told by the same server.
    res.end(req.method === 'POST' ? answer : '{"status":"READY"}');
  });
  const rig = await rigs.open(fixedModel([backend.url], 'contract: cog'));
  const made = await rig.create({ invocation: { path: null, content: { input: { prompt: 'a' } } } });
  const job = await rig.ended(made);
  expect(job).toMatchObject({ state: 'failed', error: { code: 'backend_error', message: 'out of memory' } });
  expect(job.result?.body).toMatchObject({ at: 'blob', bytes: answer.length });
});

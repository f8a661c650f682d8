import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { viewOf } from '../support/world.ts';
import { ask, field, grpcModel, Rig, type Stub, started, told, until } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const infer = (stub: Stub, id = '', model_name = 'm') => ask(stub.ModelInfer.bind(stub), { model_name, id });

const metricsOf = async (gateway: { adminUrl: string }) =>
  (await fetch(`${gateway.adminUrl}/metrics`)).text();

describe('calls of gRPC', () => {
  it('are counted by how they went, and leave nothing held', async () => {
    const gateway = await rig.gateway(grpcModel('', { loadMs: 300 }));
    const stub = rig.stub(gateway);
    await Promise.all([infer(stub), infer(stub), infer(stub, '', 'nope')]);
    const running = started(stub.ModelInfer.bind(stub), { model_name: 'm', id: 'wait:60000' });
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    running.call.cancel();
    await until(async () => (await viewOf(gateway)).inFlight).toBe(0);
    const text = await metricsOf(gateway);
    expect(text).toMatch(/^pilotlight_requests_total\{model="m",outcome="answered"\} 2$/m);
    expect(text).toMatch(/^pilotlight_requests_total\{model="m",outcome="gone"\} 1$/m);
    expect(text).toMatch(/^pilotlight_cold_wait_seconds_count\{model="m"\} 2$/m);
    expect(text).toMatch(/^pilotlight_held_bytes\{place="memory"\} 0$/m);
  });

  it('on a replica that stalls end with it, and it is started again', async () => {
    const gateway = await rig.gateway(grpcModel('timeouts: { stall: 700ms }'));
    const stub = rig.stub(gateway);
    const pid = Number(field((await infer(stub)).trailers, 'pid'));
    process.kill(pid, 'SIGSTOP');
    rig.onClose(() => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It was ended by the gateway, as it should be.
      }
    });
    const stalled = infer(stub);
    await until(async () => (await viewOf(gateway)).replicas[0]?.state).not.toBe('ready');
    expect((await stalled).code).toBe(status.UNAVAILABLE);
    const next = await infer(stub);
    expect([next.code, field(next.trailers, 'pid') === String(pid)]).toEqual([status.OK, false]);
  });

  it('that wait for their client do not stall', async () => {
    const gateway = await rig.gateway(grpcModel('timeouts: { stall: 300ms }'));
    const stub = rig.stub(gateway);
    const call = stub.ModelStreamInfer(new Metadata());
    const result = told(call);
    call.write({ model_name: 'm', id: '1' });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    call.write({ model_name: 'm', id: '2' });
    call.end();
    const { code, messages } = await result;
    expect([code, messages.length]).toEqual([status.OK, 2]);
  });

  it('are bounded by the time to the head, and by silence after it', async () => {
    const slow = await rig.gateway(grpcModel('timeouts: { firstByte: 500ms }'));
    const late = await infer(rig.stub(slow), 'wait:60000');
    expect(late.details).toBe('backend timed out: timeouts.firstByte is 500 ms');
    const silent = await rig.gateway(grpcModel('timeouts: { idle: 500ms }'));
    const call = rig.stub(silent).ModelStreamInfer(new Metadata());
    const result = told(call);
    call.write({ model_name: 'm', id: '1' });
    const { code, details, messages } = await result;
    expect([code, messages.length]).toEqual([status.DEADLINE_EXCEEDED, 1]);
    expect(details).toBe('backend timed out: timeouts.idle is 500 ms');
  });
});

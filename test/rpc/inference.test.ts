import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, field, grpcModel, Rig, told } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

describe('a call of the Open Inference Protocol', () => {
  it('waits for the start of the model that it names, and gets its answer and trailers', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel('', { loadMs: 300 })));
    const { code, answer, head, trailers } = await ask(stub.ModelInfer.bind(stub), {
      model_name: 'm',
      id: 'a',
    });
    expect([code, answer]).toEqual([status.OK, { model_name: 'm', id: 'a' }]);
    expect(field(trailers, 'served')).toBe('1');
    expect(Number(field(head, 'x-pilotlight-cold-start'))).toBeGreaterThanOrEqual(300);
    expect(field(head, 'server-timing')).toMatch(/^queue;dur=/);
    expect(field(trailers, 'got-x-request-id')).toBe(field(head, 'x-request-id'));
    expect(field(trailers, 'got-traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    const warm = await ask(stub.ModelInfer.bind(stub), { model_name: 'm', id: 'b' });
    expect(field(warm.head, 'x-pilotlight-cold-start')).toBe(undefined);
    expect(field(warm.trailers, 'pid')).toBe(field(trailers, 'pid'));
  });

  it('waits until the health service of gRPC says that it is served', async () => {
    const models = grpcModel('', { env: 'SERVING_AFTER_MS: "800"' });
    const stub = rig.stub(await rig.gateway(models));
    const { code, head } = await ask(stub.ModelInfer.bind(stub), { model_name: 'm' });
    expect(code).toBe(status.OK);
    expect(Number(field(head, 'x-pilotlight-cold-start'))).toBeGreaterThanOrEqual(800);
    expect(field(head, 'x-pilotlight-cold-start-detail')).toContain('loading');
  });

  it('by an alias reaches the backend under the name that it knows', async () => {
    const more = 'aliases: [classifier]\n    sendModel: resnet-50';
    const stub = rig.stub(await rig.gateway(grpcModel(more)));
    for (const name of ['classifier', 'm', 'classifier']) {
      const { answer } = await ask(stub.ModelInfer.bind(stub), { model_name: name, id: 'x' });
      expect(answer).toEqual({ model_name: 'resnet-50', id: 'x' });
    }
  });

  it('streams both ways, and a stream may not name its model by an alias', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel('aliases: [classifier]')));
    const { Metadata } = await import('@grpc/grpc-js');
    const call = stub.ModelStreamInfer(new Metadata());
    const result = told(call);
    for (const id of ['1', '2', '3']) call.write({ model_name: 'm', id });
    call.end();
    const { messages, code, trailers } = await result;
    expect(code).toBe(status.OK);
    expect(messages.map(({ infer_response }) => infer_response.id)).toEqual(['1', '2', '3']);
    expect(field(trailers, 'served')).toBe('1');
    const other = stub.ModelStreamInfer(new Metadata());
    const refused = told(other);
    other.write({ model_name: 'classifier', id: '1' });
    expect(await refused).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('"m"'),
    });
  });

  it('that asks the server is answered without a backend', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel()));
    expect((await ask(stub.ServerLive.bind(stub), {})).answer).toEqual({ live: true });
    expect((await ask(stub.ServerReady.bind(stub), {})).answer).toEqual({ ready: true });
    expect((await ask(stub.ServerMetadata.bind(stub), {})).answer).toMatchObject({ name: 'pilotlight' });
  });
});

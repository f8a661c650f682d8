import { once } from 'node:events';
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, startBackend } from '../support/backend.ts';
import { viewOf } from '../support/world.ts';
import { ask, field, Rig, type Stub } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const infer = (stub: Stub, fields: Record<string, string> = {}) =>
  ask(stub.ModelInfer.bind(stub), { model_name: 'm', id: 'x' }, fields);

function fixed(urls: readonly string[], more = ''): string {
  return `
  m:
    backend: { driver: static, http: 2, urls: ${JSON.stringify(urls)}, ready: { tcp: true } }
    ${more}
`;
}

/** A server of gRPC that answers everything with an empty message; `calls` are what came. */
async function echoServer() {
  const calls: string[] = [];
  const server = new Server();
  server.addService(
    {
      ModelInfer: {
        path: '/inference.GRPCInferenceService/ModelInfer',
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        requestSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    } as never,
    {
      ModelInfer(call: { request: Buffer }, done: (error: null, answer: Buffer) => void) {
        calls.push(call.request.toString('latin1'));
        done(null, Buffer.alloc(0));
      },
    } as never,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  rig.onClose(() => server.forceShutdown());
  return { url: `http://127.0.0.1:${port}`, calls, server };
}

/** A port that accepts and closes: its probe passes, and no connection is ever one of HTTP/2. */
async function closingServer(): Promise<{ url: string; server: TcpServer }> {
  const server = createServer((socket: Socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.onClose(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, server };
}

describe('a call to a replica that cannot be connected', () => {
  it('goes to another one, and is sent once', async () => {
    const away = await closingServer();
    const { url, calls } = await echoServer();
    const gateway = await rig.gateway(
      fixed([away.url, url], 'concurrency: 1\n    balance: { strategy: first }'),
    );
    const stub = rig.stub(gateway);
    for (let i = 0; i < 5; i++) expect((await infer(stub)).code).toBe(status.OK);
    expect(calls).toHaveLength(5);
    expect(calls[0]).toContain('m');
    const { replicas } = await viewOf(gateway);
    expect(replicas.find(({ origin }) => origin === away.url)).toMatchObject({ inFlight: 0 });
  });

  it('waits for it until its deadline, and is told why', async () => {
    const away = await closingServer();
    const stub = rig.stub(await rig.gateway(fixed([away.url], 'queue: { timeout: 700ms }')));
    const { code, trailers } = await infer(stub);
    expect([code, field(trailers, 'x-pilotlight-code')]).toEqual([status.UNAVAILABLE, 'backend_unreachable']);
  });
});

describe('a call to what does not speak HTTP/2', () => {
  it('is told so at once', async () => {
    const backend = await startBackend(answerJson);
    rig.onClose(() => backend.close());
    const stub = rig.stub(await rig.gateway(fixed([backend.url])));
    const { code, details, trailers } = await infer(stub);
    expect([code, field(trailers, 'x-pilotlight-code')]).toEqual([status.INTERNAL, 'backend_bad_response']);
    expect(details).toContain('does not speak HTTP/2');
  });
});

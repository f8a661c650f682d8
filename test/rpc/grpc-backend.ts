/**
 * A server of gRPC for the tests, started by the process driver: `node grpc-backend.ts PORT [loadMs]`. It listens after
 * `loadMs`, counts how many calls run at once, and tells that in the trailers of each.
 */

import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { loadPackageDefinition, Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { definition, type InferRequest } from './proto.ts';

const [port = '0', loadMs = '0'] = process.argv.slice(2);
let running = 0;
let most = 0;
let cancelled = 0;
let served = 0;

type Call = {
  readonly metadata: Metadata;
  getDeadline(): number | Date;
  on(event: 'cancelled', fn: () => void): unknown;
};

function begin(call: Call): () => Metadata {
  const leftMs = Number(call.getDeadline()) - Date.now();
  running++;
  most = Math.max(most, running);
  let isOver = false;
  const end = () => {
    if (!isOver) running--;
    isOver = true;
  };
  call.on('cancelled', () => {
    cancelled++;
    end();
  });
  return () => {
    end();
    served++;
    const trailers = new Metadata();
    trailers.set('running', String(running));
    trailers.set('most', String(most));
    trailers.set('cancelled', String(cancelled));
    trailers.set('served', String(served));
    trailers.set('pid', String(process.pid));
    trailers.set('left-ms', String(leftMs));
    for (const name of ['x-request-id', 'traceparent', 'authorization', 'x-forwarded-proto'])
      for (const value of call.metadata.get(name)) trailers.add(`got-${name}`, String(value));
    return trailers;
  };
}

const answerOf = ({ model_name, id }: InferRequest) => ({ model_name, id });
/** `id` says what is done: `wait:MS`, `fail:CODE`. */
const waitMs = ({ id }: InferRequest) => Number(/wait:(\d+)/.exec(id)?.[1] ?? 0);
const failure = ({ id }: InferRequest) => Number(/fail:(\d+)/.exec(id)?.[1] ?? 0);

const inference = {
  ModelReady: (_call: unknown, done: (error: null, answer: object) => void) => done(null, { ready: true }),
  ModelInfer(
    call: ServerUnaryCall<InferRequest, object>,
    done: (error: object | null, answer: object | null, trailers?: Metadata) => void,
  ) {
    const end = begin(call);
    setTimeout(() => {
      const code = failure(call.request);
      if (code > 0) done({ code, details: 'as asked: 100 %', metadata: end() }, null);
      else done(null, answerOf(call.request), end());
    }, waitMs(call.request));
  },
  ModelStreamInfer(call: ServerDuplexStream<InferRequest, object>) {
    const end = begin(call);
    call.sendMetadata(new Metadata());
    call.on('data', (request: InferRequest) => call.write({ infer_response: answerOf(request) }));
    call.on('end', () => call.end(end()));
  },
};

const echo = {
  Unary: inference.ModelInfer,
  Split(call: ServerWritableStream<InferRequest, object>) {
    const end = begin(call);
    let left = 5;
    const timer = setInterval(() => {
      call.write({ ...answerOf(call.request), id: String(left) });
      if (--left > 0) return;
      clearInterval(timer);
      call.end(end());
    }, waitMs(call.request));
  },
  Gather(
    call: ServerReadableStream<InferRequest, object>,
    done: (error: null, answer: object, trailers: Metadata) => void,
  ) {
    const end = begin(call);
    let bytes = 0;
    let count = 0;
    call.on('data', (request: InferRequest) => {
      count++;
      for (const piece of request.raw_input_contents) bytes += piece.length;
    });
    call.on('end', () => done(null, { model_name: String(count), id: String(bytes) }, end()));
  },
  Chat: inference.ModelStreamInfer,
};

const loaded = loadPackageDefinition(fromJSON(definition, { keepCase: true, defaults: true })) as unknown as {
  inference: { GRPCInferenceService: { service: never } };
  acme: { Echo: { service: never } };
  grpc: { health: { v1: { Health: { service: never } } } };
};
/** 1 is SERVING, 2 is not: for SERVING_AFTER_MS from now on. */
const servingAtMs = Date.now() + Number(process.env.SERVING_AFTER_MS ?? 0);
const health = {
  Check: (_call: unknown, done: (error: null, answer: object) => void) =>
    done(null, { status: Date.now() < servingAtMs ? 2 : 1 }),
};

/** The port was free when it was chosen; a server of another test may have it for a while. */
function listen(): void {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(loaded.inference.GRPCInferenceService.service, inference as never);
  server.addService(loaded.acme.Echo.service, echo as never);
  server.addService(loaded.grpc.health.v1.Health.service, health as never);
  server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
    if (error !== null) setTimeout(listen, 50);
  });
}

setTimeout(() => {
  if (process.env.FAIL === '1') process.exit(3);
  listen();
}, Number(loadMs));
process.on('SIGTERM', () => process.exit(0));

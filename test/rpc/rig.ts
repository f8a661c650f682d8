import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { expect } from 'vitest';
import type { ServerSettings } from '../../src/config/settings.ts';
import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';
import { definition } from './proto.ts';

const backend = new URL('./grpc-backend.ts', import.meta.url).pathname;

/** What of a request a test says. */
export interface Asked {
  readonly model_name?: string;
  readonly id?: string;
  readonly raw_input_contents?: readonly Buffer[];
}

type Answer = {
  readonly model_name: string;
  readonly id: string;
  readonly ready: boolean;
  readonly live: boolean;
  readonly name: string;
};
type Done = (error: ServiceError | null, answer: Answer) => void;
type Unary = (asked: object, metadata: Metadata, options: CallOptions, done: Done) => ClientUnaryCall;

/** A stub of both services. */
export interface Stub {
  ModelInfer: Unary;
  ModelReady: Unary;
  ServerLive: Unary;
  ServerReady: Unary;
  ServerMetadata: Unary;
  RepositoryModelUnload: Unary;
  Unary: Unary;
  ModelStreamInfer(
    metadata: Metadata,
    options?: CallOptions,
  ): ClientDuplexStream<Asked, { infer_response: Answer }>;
  Chat(metadata: Metadata, options?: CallOptions): ClientDuplexStream<Asked, { infer_response: Answer }>;
  Split(asked: Asked, metadata: Metadata, options?: CallOptions): ClientReadableStream<Answer>;
  Gather(metadata: Metadata, options: CallOptions, done: Done): ClientWritableStream<Asked>;
  close(): void;
}

/** What came of a call. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly answer: Answer | null;
  readonly head: Metadata;
  readonly trailers: Metadata;
}

/** A model whose backend is a server of gRPC that is started when it is asked for. */
export function grpcModel(more = '', { loadMs = 0, env = '', name = 'm', ready = 'grpc: ""' } = {}): string {
  const command = JSON.stringify([process.execPath, backend, '{port}', String(loadMs)]);
  return `
  ${name}:
    backend: { driver: process, http: 2, command: ${command}, env: { ${env} }, ready: { ${ready} } }
    ${more}
`;
}

/** What a test has opened, closed in the reverse order. */
export class Rig {
  readonly #closers: (() => Promise<void> | void)[] = [];

  async gateway(models: string, rest = '', server: Partial<ServerSettings> = {}): Promise<Gateway> {
    const settings = settingsOf(models, rest);
    const changed = { ...settings, server: { ...settings.server, drainMs: 200, ...server } };
    const gateway = await startGateway(changed);
    let closing: Promise<void> | null = null;
    const close = () => {
      closing ??= gateway.close();
      return closing;
    };
    this.onClose(close);
    return { ...gateway, close };
  }

  /** Stubs of both services over one connection each. */
  stub(gateway: { url: string }, service: 'inference' | 'echo' = 'inference', more: object = {}): Stub {
    const loaded = loadPackageDefinition(
      fromJSON(definition, { keepCase: true, defaults: true }),
    ) as never as {
      inference: { GRPCInferenceService: new (at: string, by: unknown, options: object) => Stub };
      acme: { Echo: new (at: string, by: unknown, options: object) => Stub };
    };
    const made = service === 'inference' ? loaded.inference.GRPCInferenceService : loaded.acme.Echo;
    const options = {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': -1,
      ...more,
    };
    const stub = new made(new URL(gateway.url).host, credentials.createInsecure(), options);
    this.onClose(() => stub.close());
    return stub;
  }

  /** Has its model `m` started. */
  async warm(stub: Stub): Promise<void> {
    await ask(stub.ModelReady.bind(stub), { name: 'm' });
  }

  /** Takes a changed configuration. */
  reload(gateway: Gateway, models: string): void {
    gateway.app.reload(settingsOf(models));
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** Makes a call of one message each way. */
export function ask(
  method: Unary,
  asked: object,
  fields: Record<string, string> = {},
  options: CallOptions = {},
) {
  return started(method, asked, fields, options).outcome;
}

/** As `ask`, with a hand on it. */
export function started(
  method: Unary,
  asked: object,
  fields: Record<string, string> = {},
  options: CallOptions = {},
) {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
  let head = new Metadata();
  let result: { error: ServiceError | null; answer: Answer } | null = null;
  let trailers: Metadata | null = null;
  const finish = () => {
    if (result === null || trailers === null) return;
    const { error, answer } = result;
    resolve({
      code: error?.code ?? 0,
      details: error?.details ?? '',
      answer: error === null ? answer : null,
      head,
      trailers,
    });
  };
  const call = method(asked, metadata, options, (error, answer) => {
    result = { error, answer };
    finish();
  });
  call.on('metadata', (got) => {
    head = got;
  });
  call.on('status', (got) => {
    trailers = got.metadata;
    finish();
  });
  return { call, outcome };
}

/** What a stream told until its end. */
export async function told<T>(call: ClientReadableStream<T> | ClientDuplexStream<never, T>) {
  const messages: T[] = [];
  const { promise, resolve } = Promise.withResolvers<{ code: number; details: string; metadata: Metadata }>();
  call.on('data', (message: T) => messages.push(message));
  call.on('error', () => undefined);
  call.on('status', resolve);
  const { code, details, metadata } = await promise;
  return { messages, code, details, trailers: metadata };
}

/** The first value of a field. */
export const field = (metadata: Metadata, name: string) => metadata.get(name)[0]?.toString();

/** Polls as long as a loaded machine may need. */
export const until = <T>(look: () => T) => expect.poll(look, { timeout: 10_000 });

import {
  type ChannelCredentials,
  credentials,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const fileOf = (name: string) => new URL(name, import.meta.url).pathname;

const options = { keepCase: true, longs: Number, enums: String, defaults: true } as const;

interface Loaded {
  readonly pilotlight: { readonly test: { readonly Echo: ServiceClientConstructor } };
  readonly grpc: { readonly health: { readonly v1: { readonly Health: ServiceClientConstructor } } };
}

const loaded = loadPackageDefinition(
  loadSync([fileOf('echo.proto'), fileOf('health.proto')], options),
) as unknown as Loaded;

/** A message of the Echo service. */
export interface Text {
  readonly text: string;
  readonly padding?: Buffer;
}

/** The Echo service's methods as a client calls them. */
export type EchoClient = InstanceType<ServiceClientConstructor>;

/** A client of the Echo service at an address. */
export function echoClient(
  address: string,
  secure: ChannelCredentials = credentials.createInsecure(),
): EchoClient {
  // A subchannel is shared by clients of the same address, and each test has a sidecar of its own.
  return new loaded.pilotlight.test.Echo(address, secure, { 'grpc.use_local_subchannel_pool': 1 });
}

function trailersOf(seen: number): Metadata {
  const trailers = new Metadata();
  trailers.set('x-seen', String(seen));
  return trailers;
}

/**
 * A gRPC app in this process. Unary echoes (`fail`: with an error of its own, `hold`: never); Up answers how many it was sent;
 * Down sends `text` as often as it says; Both sends each back at once. All send trailers.
 */
export class GrpcApp {
  readonly port: number;
  /** What is told of each service's health; one that is not in it is unknown. */
  readonly health: Map<string, 'SERVING' | 'NOT_SERVING'>;
  /** Metadata of the calls, in order. */
  readonly seen: Metadata[];
  /** How many calls were cancelled. */
  readonly cancelled: () => number;
  readonly #server: Server;

  private constructor(server: Server, port: number, state: AppState) {
    this.#server = server;
    this.port = port;
    this.health = state.health;
    this.seen = state.seen;
    this.cancelled = () => state.cancelled;
  }

  /** Listens on a free port of the loopback. */
  static async start(): Promise<GrpcApp> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    const state: AppState = { health: new Map(), seen: [], cancelled: 0 };
    server.addService(loaded.pilotlight.test.Echo.service, echoService(state));
    server.addService(loaded.grpc.health.v1.Health.service, healthService(state));
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return new GrpcApp(server, port, state);
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

interface AppState {
  readonly health: Map<string, 'SERVING' | 'NOT_SERVING'>;
  readonly seen: Metadata[];
  cancelled: number;
}

function echoService(state: AppState): UntypedServiceImplementation {
  const note = (call: { readonly metadata: Metadata; on(event: 'cancelled', then: () => void): unknown }) => {
    state.seen.push(call.metadata);
    call.on('cancelled', () => state.cancelled++);
  };
  return {
    Unary: (call: ServerUnaryCall<Text, Text>, callback: sendUnaryData<Text>) => {
      note(call);
      const head = new Metadata();
      head.set('x-head', 'yes');
      call.sendMetadata(head);
      if (call.request.text === 'hold') return;
      if (call.request.text === 'fail')
        callback({ code: 9, details: 'not so: 100 % ä', metadata: trailersOf(1) });
      else callback(null, call.request, trailersOf(1));
    },
    Up: (call: ServerReadableStream<Text, Text>, callback: sendUnaryData<Text>) => {
      note(call);
      let count = 0;
      call.on('data', () => count++);
      call.on('end', () => callback(null, { text: String(count) }, trailersOf(count)));
    },
    Down: (call: ServerWritableStream<Text, Text>) => {
      note(call);
      const count = Number(call.request.text);
      for (let index = 0; index < count; index++) call.write({ text: String(index) });
      call.end(trailersOf(count));
    },
    Both: (call: ServerDuplexStream<Text, Text>) => {
      note(call);
      let count = 0;
      call.on('data', (message: Text) => {
        count++;
        call.write(message);
      });
      call.on('end', () => call.end(trailersOf(count)));
    },
  };
}

function healthService({ health }: AppState): UntypedServiceImplementation {
  return {
    Check: (
      call: ServerUnaryCall<{ service: string }, { status: string }>,
      callback: sendUnaryData<object>,
    ) => {
      const status = health.get(call.request.service);
      if (status === undefined) callback({ code: 5, details: 'unknown service' });
      else callback(null, { status });
    },
  };
}

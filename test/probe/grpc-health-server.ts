import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';

interface Request {
  readonly service: string;
}

/** A gRPC server with the standard health service, or another one. */
export class GrpcHealthServer {
  readonly #server = new Server();
  /** 1 = SERVING, 2 = NOT_SERVING; a service that is not in it is not known. */
  readonly statusByService = new Map<string, number>([['', 1]]);
  /** Metadata of the calls that came. */
  readonly calls: Record<string, unknown>[] = [];
  /** Calls are not answered. */
  isSlow = false;

  /** Returns its origin. `service`: the name under which it is offered. */
  async start(service = 'grpc.health.v1.Health'): Promise<string> {
    const check = {
      path: `/${service}/Check`,
      requestStream: false,
      responseStream: false,
      requestSerialize: ({ service: name }: Request) => Buffer.from(name),
      requestDeserialize: serviceIn,
      responseSerialize: responseOf,
      responseDeserialize: () => 0,
    } as const;
    this.#server.addService(
      { Check: check },
      {
        Check: (call: ServerUnaryCall<Request, number>, done: sendUnaryData<number>) =>
          this.#answer(call, done),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return `http://127.0.0.1:${port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #answer(call: ServerUnaryCall<Request, number>, done: sendUnaryData<number>): void {
    this.calls.push({ ...call.metadata.getMap(), ...call.request });
    if (this.isSlow) return;
    const status = this.statusByService.get(call.request.service);
    if (status === undefined) done({ code: 5, details: 'unknown service' });
    else done(null, status);
  }
}

function serviceIn(bytes: Buffer): Request {
  const reader = new BinaryReader(bytes);
  let service = '';
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1) service = reader.string();
    else reader.skip(wireType);
  }
  return { service };
}

function responseOf(status: number): Buffer {
  const writer = new BinaryWriter();
  if (status !== 0) writer.tag(1, WireType.Varint).int32(status);
  return Buffer.from(writer.finish());
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** OpenTelemetry's message, as far as spans of HTTP fill it (opentelemetry-proto 1.x). */
const proto = `syntax = "proto3";
package opentelemetry.proto.collector.trace.v1;
service TraceService { rpc Export(Request) returns (Response); }
message Response {}
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; Status status = 15;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }`;

interface KeyValue {
  readonly key: string;
  readonly value: { readonly value: string; readonly [kind: string]: string | number };
}
interface WireSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly message: string; readonly code: number } | null;
}
interface WireRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly WireSpan[];
    }[];
  }[];
}

/** A span as it came. */
export interface ReceivedSpan {
  readonly name: string;
  readonly scope: string;
  readonly resource: Record<string, string | number>;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it begins the trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Record<string, string | number>;
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly message: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** A collector that keeps what it gets. */
export interface Receiver {
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  close(): Promise<void>;
}

/** A collector of OTLP over HTTP; `answer` gives the status of each post. */
export async function receiveHttp(answer: () => number | Promise<number> = () => 200): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const { method } = service();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const code = request.url === '/v1/traces' ? await answer() : 404;
      if (code === 200) spans.push(...spansOf(method.requestDeserialize(Buffer.concat(chunks))));
      response.writeHead(code, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A collector of OTLP over gRPC. */
export async function receiveGrpc(): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const { definition } = service();
  const server = new Server();
  server.addService(definition, {
    Export: (
      call: { request: WireRequest },
      done: (error: null | { code: number }, answer: object) => void,
    ) => {
      spans.push(...spansOf(call.request));
      done(spans.length === 0 ? { code: status.INVALID_ARGUMENT } : null, {});
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

function service(): { definition: ServiceDefinition; method: MethodDefinition<WireRequest, object> } {
  const folder = mkdtempSync(join(tmpdir(), 'otlp-proto-'));
  try {
    const file = join(folder, 'trace.proto');
    writeFileSync(file, proto);
    const loaded = loadSync(file, { defaults: true, longs: String, oneofs: true });
    const definition = loaded['opentelemetry.proto.collector.trace.v1.TraceService'] as ServiceDefinition;
    return { definition, method: definition.Export as MethodDefinition<WireRequest, object> };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function spansOf({ resourceSpans }: WireRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        name: span.name,
        scope: scope.name,
        resource: valuesOf(resource.attributes),
        traceId: span.traceId.toString('hex'),
        spanId: span.spanId.toString('hex'),
        parentSpanId: span.parentSpanId.toString('hex'),
        traceState: span.traceState,
        kind: span.kind,
        attributes: valuesOf(span.attributes),
        status: span.status?.code ?? 0,
        message: span.status?.message ?? '',
        startedAtMs: Number(span.startTimeUnixNano) / 1e6,
        endedAtMs: Number(span.endTimeUnixNano) / 1e6,
      })),
    ),
  );
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const raw = value[value.value]!;
      return [key, value.value === 'stringValue' ? raw : Number(raw)];
    }),
  );
}

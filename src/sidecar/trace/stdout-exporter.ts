import type { Attributes, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

/** Writes each span as a line of JSON, of the shape that Go's stdouttrace has. */
export class StdoutExporter implements SpanExporter {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  export(spans: readonly ReadableSpan[], done: (result: { code: 0 }) => void): void {
    for (const span of spans) this.#write(`${JSON.stringify(lineOf(span))}\n`);
    done({ code: 0 });
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const statusNames = ['Unset', 'Ok', 'Error'];
const noParent: SpanContext = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };

function lineOf(span: ReadableSpan) {
  const { name, version = '', schemaUrl = '' } = span.instrumentationScope;
  return {
    Name: span.name,
    SpanContext: contextOf(span.spanContext()),
    Parent: contextOf(span.parentSpanContext ?? noParent),
    // Go counts from 1: 0 is a kind of its own there, "unspecified".
    SpanKind: span.kind + 1,
    StartTime: timeOf(span.startTime),
    EndTime: timeOf(span.endTime),
    Attributes: attributesOf(span.attributes),
    Events: null,
    Links: null,
    Status: { Code: statusNames[span.status.code], Description: span.status.message ?? '' },
    DroppedAttributes: span.droppedAttributesCount,
    DroppedEvents: span.droppedEventsCount,
    DroppedLinks: span.droppedLinksCount,
    Resource: attributesOf(span.resource.attributes),
    InstrumentationScope: { Name: name, Version: version, SchemaURL: schemaUrl, Attributes: null },
  };
}

function contextOf({ traceId, spanId, traceFlags, traceState, isRemote = false }: SpanContext) {
  const flags = traceFlags.toString(16).padStart(2, '0');
  const state = traceState?.serialize() ?? '';
  return { TraceID: traceId, SpanID: spanId, TraceFlags: flags, TraceState: state, Remote: isRemote };
}

function timeOf([seconds, nanos]: readonly [number, number]): string {
  const upToSeconds = new Date(seconds * 1_000).toISOString().slice(0, -5);
  return `${upToSeconds}.${String(Math.round(nanos)).padStart(9, '0')}Z`;
}

/** Ordered by key, where Go has them in the order in which they were set. */
function attributesOf(attributes: Attributes) {
  const keys = Object.keys(attributes).sort();
  return keys.map((Key) => {
    const Value = attributes[Key];
    return { Key, Value: { Type: typeof Value === 'number' ? 'INT64' : 'STRING', Value } };
  });
}

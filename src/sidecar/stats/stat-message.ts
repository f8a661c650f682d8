import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Knative's `metrics.Stat`: what a pod tells of its last report period (pkg/autoscaler/metrics/stat.proto). */
export interface Stat {
  readonly podName: string;
  readonly averageConcurrentRequests: number;
  readonly averageProxiedConcurrentRequests: number;
  /** Per second. */
  readonly requestCount: number;
  readonly proxiedRequestCount: number;
  readonly processUptimeS: number;
}

/** Numbers of the fields; `timestamp` (7, int64) is set by who collects, and left out here as the original does. */
const field = {
  podName: 1,
  averageConcurrentRequests: 2,
  averageProxiedConcurrentRequests: 3,
  requestCount: 4,
  proxiedRequestCount: 5,
  processUptimeS: 6,
} as const;

/** The bytes of a Stat in proto3: fields in the order of their numbers, those at their zero left out. */
export function encodeStat(stat: Stat): Uint8Array {
  const writer = new BinaryWriter();
  if (stat.podName !== '') writer.tag(field.podName, WireType.LengthDelimited).string(stat.podName);
  writeDouble(writer, field.averageConcurrentRequests, stat.averageConcurrentRequests);
  writeDouble(writer, field.averageProxiedConcurrentRequests, stat.averageProxiedConcurrentRequests);
  writeDouble(writer, field.requestCount, stat.requestCount);
  writeDouble(writer, field.proxiedRequestCount, stat.proxiedRequestCount);
  writeDouble(writer, field.processUptimeS, stat.processUptimeS);
  return writer.finish();
}

function writeDouble(writer: BinaryWriter, number: number, value: number): void {
  if (value !== 0) writer.tag(number, WireType.Bit64).double(value);
}

import type { ProbeResult, ReadySpec } from '../core/prober.ts';
import { decodeHealthResponse, encodeHealthRequest, healthCheckPath } from './grpc-health.ts';
import { askHttp2, type Http2Answer, Http2Failure } from './http2-exchange.ts';
import type { ProbeQuestion } from './question.ts';

/** One call of the health service. */
export interface GrpcQuestion extends Omit<ProbeQuestion, 'ready'> {
  readonly ready: Pick<ReadySpec, 'timeoutMs' | 'headers' | 'service'>;
}

/** An answer is some ten bytes. */
const maxBodyBytes = 4 * 1024;

/** Statuses of gRPC by which a health service, or the lack of one, is told. */
const ok = '0';
const notFound = '5';
const unimplemented = '12';

/**
 * Asks grpc.health.v1.Health/Check for `ready.service` over a connection of its own, which is closed again. Ready is SERVING
 * and nothing else; a server without the service, or that does not know the name, is loading for as long as it says so.
 * Rejects only for what cannot be sent (URL, header).
 */
export async function probeGrpc({ origin, ready, clock, signal }: GrpcQuestion): Promise<ProbeResult> {
  const { timeoutMs, headers, service = '' } = ready;
  const name = service === '' ? 'grpc health' : `grpc health of ${service}`;
  try {
    const answer = await askHttp2({
      origin: new URL(origin).origin,
      method: 'POST',
      path: healthCheckPath,
      headers: { ...headers, ...callHeaders, 'grpc-timeout': `${Math.max(1, Math.ceil(timeoutMs))}m` },
      body: encodeHealthRequest(service),
      maxBodyBytes,
      deadlineMs: clock.nowMs() + timeoutMs,
      ...{ clock, signal },
    });
    const what = whatIsSaid(answer);
    return { state: what === 'SERVING' ? 'ready' : 'loading', detail: `${name}: ${what}` };
  } catch (error) {
    if (signal.aborted) return { state: 'unreachable', detail: `${name}: aborted` };
    if (!(error instanceof Http2Failure)) throw error;
    return { state: error.isConnected ? 'loading' : 'unreachable', detail: `${name}: ${error.message}` };
  }
}

const callHeaders = { 'content-type': 'application/grpc', te: 'trailers' } as const;

function whatIsSaid({ status, headers, trailers, body }: Http2Answer): string {
  const isGrpc = headers['content-type']?.startsWith('application/grpc') ?? false;
  if (status !== 200 || !isGrpc) return `${status}, no gRPC`;
  const code = String(trailers['grpc-status'] ?? headers['grpc-status'] ?? '');
  if (code === unimplemented) return 'the server has no grpc.health.v1.Health';
  if (code === notFound) return 'the service is not known';
  if (code !== ok) return code === '' ? 'cut off' : `grpc-status ${code}`;
  return decodeHealthResponse(body) ?? 'an answer that is none';
}

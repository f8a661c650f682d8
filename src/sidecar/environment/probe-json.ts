import type { AppProbe } from '../settings.ts';
import { ObjectReader, objectOf, parseJson } from './json-text.ts';
import { Misfit } from './variable.ts';

/** Seconds and counts of a Kubernetes probe: 32 bits. */
const most = 2_147_483_647;

const localHost = '127.0.0.1';

/**
 * SERVING_READINESS_PROBE: the JSON of a Kubernetes probe, or of an array of them where the probes of several containers
 * are asked for (ENABLE_MULTI_CONTAINER_PROBES). `userPort` is asked where a probe names no port: Knative writes one.
 * `exec` cannot be run from here, and becomes a look at the port, as Knative has it.
 */
export function readProbes(text: string, isArray: boolean, userPort: number): readonly AppProbe[] | Misfit {
  const json = parseJson(text);
  if (json instanceof Misfit) return json;
  if (isArray && !Array.isArray(json.value)) {
    return new Misfit('a JSON array of probes, as ENABLE_MULTI_CONTAINER_PROBES is true');
  }
  const faults: string[] = [];
  // A container without a probe is null among them.
  const all = (isArray ? (json.value as unknown[]) : [json.value]).filter((value) => value !== null);
  const probes = all.map((value, index) =>
    probeOf(value, { at: isArray ? `[${index}]` : '', userPort, faults }),
  );
  return faults.length > 0 ? new Misfit(faults.join('; ')) : probes;
}

function probeOf(value: unknown, context: { at: string; userPort: number; faults: string[] }): AppProbe {
  const { at, userPort, faults } = context;
  const probe = new ObjectReader(value, at, faults);
  const kinds = ['httpGet', 'tcpSocket', 'grpc', 'exec'].filter((key) => probe.has(key));
  // Of several the first one counts, in the order in which Knative looks.
  const [kind = null] = kinds;
  if (kind === null && objectOf(value) !== null) {
    faults.push(`${at || 'the probe'} to have httpGet, tcpSocket, grpc or exec`);
  }
  const action = kind === null ? new ObjectReader({}, at, faults) : probe.below(kind);
  const periodSeconds = probe.number('periodSeconds', { fallback: 0, min: 0, max: most });
  const timeoutSeconds = probe.number('timeoutSeconds', { fallback: 0, min: 0, max: most });
  return {
    kind: kind === 'httpGet' ? 'http' : kind === 'grpc' ? 'grpc' : 'tcp',
    host: kind === 'grpc' || kind === 'exec' ? localHost : action.text('host', localHost) || localHost,
    port: kind === 'exec' ? userPort : portOf(action, userPort),
    ...httpParts(action, kind === 'httpGet'),
    service: kind === 'grpc' ? action.text('service') : '',
    periodSeconds,
    timeoutSeconds: periodSeconds > 0 ? Math.max(1, timeoutSeconds) : timeoutSeconds,
    successThreshold: Math.max(1, probe.number('successThreshold', { fallback: 0, min: 0, max: most })),
    failureThreshold: Math.max(1, probe.number('failureThreshold', { fallback: 0, min: 0, max: most })),
  };
}

/** A number, or its digits as text (Kubernetes' IntOrString); 0 is the app's port. A name is known to Kubernetes alone. */
function portOf(action: ObjectReader, userPort: number): number {
  const raw = action.raw('port') ?? 0;
  const port = typeof raw === 'string' && /^\d{1,5}$/.test(raw) ? Number(raw) : raw;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535) {
    return port === 0 ? userPort : port;
  }
  action.fault('port', 'to be a port from 0 to 65535');
  return userPort;
}

function httpParts(action: ObjectReader, isHttp: boolean): Pick<AppProbe, 'path' | 'scheme' | 'headers'> {
  if (!isHttp) return { path: '/', scheme: 'http', headers: [] };
  const path = action.text('path', '/');
  const scheme = action.text('scheme', 'HTTP').toLowerCase();
  if (scheme !== 'http' && scheme !== 'https' && scheme !== '') {
    action.fault('scheme', 'to be HTTP or HTTPS');
  }
  return {
    path: path.startsWith('/') ? path : `/${path}`,
    scheme: scheme === 'https' ? 'https' : 'http',
    headers: headersOf(action),
  };
}

function headersOf(action: ObjectReader): AppProbe['headers'] {
  const raw = action.raw('httpHeaders') ?? [];
  if (!Array.isArray(raw)) {
    action.fault('httpHeaders', 'to be an array');
    return [];
  }
  return raw.map((one) => {
    const header = objectOf(one) ?? {};
    if (typeof header.name !== 'string' || typeof (header.value ?? '') !== 'string') {
      action.fault('httpHeaders', 'to hold name and value as text');
    }
    return { name: String(header.name), value: String(header.value ?? '') };
  });
}

import {
  type Fields,
  fieldsOf,
  headOf,
  itemsOf,
  nameOf,
  tailOf,
  textOf,
  timeOf,
  wholeOf,
} from './pod-fields.ts';

/** The scheduler and the kubelet write a few hundred characters; a pull error of containerd repeats the image thrice. */
const maxMessageLength = 1_000;

/** A run of a container that has ended. */
export interface ContainerExit {
  readonly exitCode: number;
  /** 0: none is known. */
  readonly signal: number;
  /** `Error`, `Completed`, `OOMKilled`, `StartError`, `ContainerCannotRun`, or ''. */
  readonly reason: string;
  /** The end of its termination message or, by terminationMessagePolicy, of its log; '' where there is none. */
  readonly message: string;
  /** Wall milliseconds. */
  readonly startedMs: number | null;
  /** Wall milliseconds. */
  readonly finishedMs: number | null;
}

/** What a container is doing. `unknown`: the kubelet has said nothing of it yet. */
export type ContainerState =
  | { readonly is: 'unknown' }
  | { readonly is: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly is: 'running'; readonly startedMs: number | null }
  | ({ readonly is: 'terminated' } & ContainerExit);

/** A probe as it stands in the pod. */
export interface ProbeView {
  readonly kind: 'http' | 'tcp' | 'grpc' | 'exec';
  /** Resolved by the container's ports; null where it has no port or its name is none of theirs. */
  readonly port: number | null;
  /** Of another host than the pod's own address, or null. */
  readonly host: string | null;
  /** For http; begins with `/`. */
  readonly path: string;
  /** For grpc: the service that is asked for; empty: the server as a whole. */
  readonly service: string;
  readonly scheme: 'http' | 'https';
  /** For http; lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One container, of its spec and its status what is used. */
export interface ContainerView {
  readonly name: string;
  /** As asked for. */
  readonly image: string;
  /** An init container with restartPolicy Always: it runs beside the others. */
  readonly isSidecar: boolean;
  readonly ports: readonly { readonly name: string; readonly number: number }[];
  readonly readiness: ProbeView | null;
  readonly startup: ProbeView | null;
  readonly liveness: ProbeView | null;
  readonly state: ContainerState;
  /** The run before this one. */
  readonly lastExit: ContainerExit | null;
  /** How often it was started again: the first run is not counted. */
  readonly restarts: number;
  /** Its startup probe has passed, or it runs and has none. */
  readonly isStarted: boolean;
  readonly isReady: boolean;
}

/** The containers of `spec`, each with its part of `statuses`. */
export function projectContainers(spec: unknown, statuses: unknown): ContainerView[] {
  const statusByName = new Map(itemsOf(statuses).map((status) => [textOf(status.name), status]));
  const containers: ContainerView[] = [];
  for (const container of itemsOf(spec)) {
    const name = nameOf(container.name);
    if (name !== null) containers.push(projectContainer(name, container, statusByName.get(name) ?? {}));
  }
  return containers;
}

function projectContainer(name: string, container: Fields, status: Fields): ContainerView {
  const ports = projectPorts(container.ports);
  return {
    name,
    image: headOf(container.image, 300),
    isSidecar: container.restartPolicy === 'Always',
    ports,
    readiness: projectProbe(container.readinessProbe, ports),
    startup: projectProbe(container.startupProbe, ports),
    liveness: projectProbe(container.livenessProbe, ports),
    state: projectState(status.state),
    lastExit: projectExit(fieldsOf(status.lastState).terminated),
    restarts: wholeOf(status.restartCount) ?? 0,
    isStarted: status.started === true,
    isReady: status.ready === true,
  };
}

/** Ports over which HTTP can come: TCP ones. */
function projectPorts(value: unknown): { name: string; number: number }[] {
  const ports: { name: string; number: number }[] = [];
  for (const port of itemsOf(value)) {
    const number = portNumberOf(port.containerPort);
    const isTcp = port.protocol === undefined || port.protocol === null || port.protocol === 'TCP';
    if (number !== null && isTcp) ports.push({ name: textOf(port.name), number });
  }
  return ports;
}

function portNumberOf(value: unknown): number | null {
  const number = wholeOf(value, 1);
  return number !== null && number <= 65_535 ? number : null;
}

function projectProbe(value: unknown, ports: readonly { name: string; number: number }[]): ProbeView | null {
  const probe = fieldsOf(value);
  const kind = kindOf(probe);
  if (kind === null) return null;
  const action = fieldsOf(probe[{ http: 'httpGet', tcp: 'tcpSocket', grpc: 'grpc', exec: 'exec' }[kind]]);
  const path = textOf(action.path);
  const headers: Record<string, string> = Object.create(null);
  for (const header of itemsOf(action.httpHeaders)) {
    const name = nameOf(header.name);
    if (name !== null && typeof header.value === 'string') headers[name.toLowerCase()] = header.value;
  }
  const named = ports.find((port) => port.name !== '' && port.name === action.port);
  return {
    kind,
    port: portNumberOf(action.port) ?? named?.number ?? null,
    host: nameOf(action.host),
    path: path.startsWith('/') ? path : `/${path}`,
    service: textOf(action.service),
    scheme: action.scheme === 'HTTPS' ? 'https' : 'http',
    headers,
  };
}

function kindOf(probe: Fields): ProbeView['kind'] | null {
  const has = (key: string) => typeof probe[key] === 'object' && probe[key] !== null;
  if (has('httpGet')) return 'http';
  if (has('tcpSocket')) return 'tcp';
  if (has('grpc')) return 'grpc';
  return has('exec') ? 'exec' : null;
}

function projectState(value: unknown): ContainerState {
  const { waiting, running, terminated } = fieldsOf(value);
  const exit = projectExit(terminated);
  if (exit !== null) return { is: 'terminated', ...exit };
  if (typeof running === 'object' && running !== null) {
    return { is: 'running', startedMs: timeOf(fieldsOf(running).startedAt) };
  }
  if (typeof waiting !== 'object' || waiting === null) return { is: 'unknown' };
  const { reason, message } = fieldsOf(waiting);
  return { is: 'waiting', reason: headOf(reason, 100), message: headOf(message, maxMessageLength) };
}

function projectExit(value: unknown): ContainerExit | null {
  if (typeof value !== 'object' || value === null) return null;
  const exit = fieldsOf(value);
  return {
    exitCode: wholeOf(exit.exitCode, -1) ?? 0,
    signal: wholeOf(exit.signal) ?? 0,
    reason: headOf(exit.reason, 100),
    message: tailOf(exit.message, maxMessageLength),
    startedMs: timeOf(exit.startedAt),
    finishedMs: timeOf(exit.finishedAt),
  };
}

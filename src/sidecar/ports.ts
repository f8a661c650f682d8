import type { Clock } from '../core/clock.ts';
import { createHttp1Lane } from '../relay/http1/lane.ts';
import { createLazyLane } from '../relay/lazy-lane.ts';
import { type Lanes, type Listener, openListener } from '../relay/listener.ts';
import type { Traffic } from '../relay/traffic.ts';
import type { SidecarTls } from './settings.ts';
import type { SidecarLog } from './sidecar-log.ts';

/** Go's client keeps as many idle connections to the app where there is no limit (sharedmain/main.go). */
const idleConnections = 1_000;

/**
 * How long a client's connection is kept without a request. queue-proxy never closes one: Envoy does after an hour, Go's
 * client (the activator) after 90 s, and who closes first can lose the request that is just then sent on it.
 */
const clientIdleMs = 75 * 60_000;

/** What lanes and ports have in common. */
export interface PortContext {
  readonly clock: Clock;
  readonly log: SidecarLog;
}

/** Lanes of both versions before a traffic; HTTP/2 is loaded when somebody speaks it. */
export function createLanes(traffic: Traffic, { clock, log }: PortContext, concurrency = 0): Lanes {
  const maxIdleBackends = concurrency > 0 ? concurrency : idleConnections;
  return {
    http1: createHttp1Lane({ traffic, clock, maxIdleBackends, idleMs: clientIdleMs }),
    http2: createLazyLane(
      async () => {
        const { createHttp2Lane } = await import('../relay/http2/lane.ts');
        return createHttp2Lane({ traffic, clock, idleMs: clientIdleMs });
      },
      (error) => log.error({ error }, 'HTTP/2 could not be loaded'),
    ),
  };
}

/** One port to open. */
export interface Port {
  readonly name: string;
  /** Empty: all addresses. */
  readonly host: string;
  readonly port: number;
  readonly lanes: Lanes;
  readonly tls: SidecarTls | null;
}

/** Ports that are open, and the lanes behind them. */
export class OpenPorts {
  readonly #listeners = new Map<string, Listener>();
  readonly #lanes = new Set<Lanes>();
  readonly #closers: (() => void)[] = [];

  /** Opens all of them at once. Rejects with the first error, and none is left open. */
  static async open(ports: readonly Port[], context: PortContext): Promise<OpenPorts> {
    const open = new OpenPorts();
    const outcomes = await Promise.allSettled(ports.map((port) => open.#open(port, context)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) return open;
    open.close();
    throw failed.reason;
  }

  /** Where a port is; it was opened. */
  portOf(name: string): number | undefined {
    return this.#listeners.get(name)?.port;
  }

  /** No more connections; those that are there close as they become idle. Resolves when none is left. */
  async drain(): Promise<void> {
    for (const listener of this.#listeners.values()) listener.close();
    const lanes = [...this.#lanes].flatMap(({ http1, http2 }) => [http1, http2]);
    await Promise.all(lanes.map((lane) => lane.drain()));
  }

  /** Cuts everything. */
  close(): void {
    for (const listener of this.#listeners.values()) listener.close();
    for (const close of this.#closers) close();
    for (const { http1, http2 } of this.#lanes) {
      http1.close();
      http2.close();
    }
  }

  async #open(port: Port, context: PortContext): Promise<void> {
    const { clock, log } = context;
    const { host, lanes } = port;
    this.#lanes.add(lanes);
    // Go's client opens connections ahead that it uses later, or never.
    const firstBytesMs = clientIdleMs;
    const place = { port: port.port, clock, lanes, firstBytesMs, ...(host !== '' && { host }) };
    if (port.tls === null) {
      this.#listeners.set(port.name, await openListener(place));
      return;
    }
    const tls = await openTls(port.tls, log);
    this.#closers.push(() => tls.close());
    this.#listeners.set(port.name, await openListener({ ...place, tls: (take) => tls.createServer(take) }));
  }
}

async function openTls(settings: SidecarTls, log: SidecarLog) {
  const { openTlsPort } = await import('../relay/tls-server.ts');
  const { certFile, keyFile, limits } = settings;
  return openTlsPort({
    files: { certFile, keyFile },
    name: 'the certificate',
    limits,
    onTaken: () => log.info({}, 'the certificate was renewed'),
    onRefused: (error) => log.error({ error }, 'a renewed certificate was refused: the old one stays'),
  });
}

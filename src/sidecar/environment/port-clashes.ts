import type { SidecarSettings } from '../settings.ts';
import type { EnvironmentFault } from './environment.ts';

/** A port that the sidecar opens, and the variable that says where. */
export interface OpenedPort {
  readonly variable: string;
  /** Empty: all addresses. */
  readonly host: string;
  readonly port: number;
}

/** The ports that these settings open. */
export function openedPorts({ ports, tls, metrics }: SidecarSettings): readonly OpenedPort[] {
  const { host } = ports;
  return [
    { variable: 'QUEUE_SERVING_PORT', host, port: ports.serving },
    ...(tls === null ? [] : [{ variable: 'QUEUE_SERVING_TLS_PORT', host, port: ports.tls }]),
    { variable: 'PILOTLIGHT_ADMIN_PORT', host, port: ports.admin },
    { variable: 'PILOTLIGHT_STATS_PORT', host, port: ports.stats },
    ...(metrics.protocol === 'prometheus'
      ? [{ variable: 'METRICS_PROMETHEUS_PORT', ...metrics.listen }]
      : []),
  ];
}

/** Ports that stand in each other's way: of the sidecar itself, or of the app, to which it would send its own requests. */
export function portClashes(settings: SidecarSettings): EnvironmentFault[] {
  const taken: OpenedPort[] = [{ variable: 'USER_PORT', ...settings.user }];
  const faults: EnvironmentFault[] = [];
  for (const opened of openedPorts(settings)) {
    const other = taken.find(
      ({ host, port }) => port === opened.port && port !== 0 && overlap(host, opened.host),
    );
    if (other !== undefined) {
      const expected = `another port than that of ${other.variable}`;
      faults.push({ name: opened.variable, value: `${opened.port}`, expected });
    }
    taken.push(opened);
  }
  return faults;
}

const everywhere = ['', '0.0.0.0', '::'];

function overlap(one: string, other: string): boolean {
  return one === other || everywhere.includes(one) || everywhere.includes(other);
}

import type { SidecarIdentity } from './settings.ts';

/** Who speaks: OpenTelemetry's attributes of this process, and Knative's of its revision, by their names. */
export type ResourceAttributes = Readonly<Record<string, string>>;

/** What the resource is made of. */
export interface ResourceFacts {
  readonly identity: SidecarIdentity;
  /** Pilotlight's version. */
  readonly version: string;
  /** The process's environment: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The attributes that queue-proxy gives of itself (pkg/queue/sharedmain/otel.go), those of OTEL_RESOURCE_ATTRIBUTES where
 * they are not its own, and what sort of program speaks (telemetry.sdk.*). What is not known (plain mode) is left out.
 */
export function resourceOf({ identity, version, environment }: ResourceFacts): ResourceAttributes {
  const { namespace, service, configuration, revision, pod } = identity;
  const name = environment.OTEL_SERVICE_NAME || service || configuration || revision || pod || 'pilotlight';
  const own = {
    'container.name': 'queue-proxy',
    'k8s.namespace.name': namespace,
    'k8s.pod.name': pod,
    'kn.configuration.name': configuration,
    'kn.revision.name': revision,
    'kn.service.name': service,
    'service.instance.id': pod,
    'service.name': name,
    'service.version': version,
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.name': 'pilotlight',
    'telemetry.sdk.version': version,
  };
  const known = Object.entries(own).filter(([, value]) => value !== '');
  return { ...attributesOf(environment.OTEL_RESOURCE_ATTRIBUTES ?? ''), ...Object.fromEntries(known) };
}

/** `key=value,key=value`, values percent-encoded; a pair that is malformed is left out. */
function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [, key = '', value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    if (key === '') continue;
    try {
      found[key] = decodeURIComponent(value);
    } catch {
      found[key] = value; // A percent sign that encodes nothing stands for itself.
    }
  }
  return found;
}

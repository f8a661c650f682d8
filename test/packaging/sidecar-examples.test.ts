import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/sidecar/environment/read-settings.ts';
import { annotationTexts, modelFeaturesOf } from '../../src/sidecar/model/features.ts';
import { type Manifest, manifestsIn, onlyOf } from './deploy-files.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const image = `pilotlight-sidecar:${version}`;
const prefix = 'qpoption.knative.dev/pilotlight-';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: object;
  readonly readinessProbe: { httpGet: { httpHeaders: object } };
  readonly lifecycle: { preStop: { httpGet: { path: string; port: number } } };
  readonly securityContext: object;
}

type Annotations = Readonly<Record<string, string>>;

/** What the annotations ask of the sidecar, as its pod information would hold them. */
function asked(annotations: Annotations) {
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(prefix));
  return modelFeaturesOf(
    annotationTexts(new Map(own.map(([key, text]) => [key.slice(prefix.length), text]))),
    { concurrency: 64, isScraped: true },
  );
}

describe('the example without Knative', () => {
  const manifests = manifestsIn('examples/sidecar.yaml');
  const { template } = onlyOf(manifests, 'Deployment').spec as {
    template: {
      metadata: { labels: object };
      spec: {
        initContainers: Container[];
        containers: Container[];
        terminationGracePeriodSeconds: number;
        securityContext: object;
        enableServiceLinks: boolean;
      };
    };
  };
  const pod = template.spec;
  const [sidecar] = pod.initContainers as [Container];
  const [app] = pod.containers as [Container];
  const settings = readSettings(Object.fromEntries(sidecar.env.map(({ name, value }) => [name, value])));
  const argument = (name: string) => app.args[app.args.indexOf(name) + 1];

  it('is a native sidecar of this version, whose variables are taken without a warning', () => {
    expect(sidecar).toMatchObject({ restartPolicy: 'Always', image });
    expect(app.image).toBe(`pilotlight:${version}`);
    expect(settings).toMatchObject({ mode: 'plain', warnings: [] });
    expect(pod.enableServiceLinks).toBe(false);
  });

  it('is before an app that only it can reach, and that takes as many at once', () => {
    expect(argument('--host')).toBe(settings.user.host);
    expect(argument('--port')).toBe(String(settings.user.port));
    expect(argument('--slots')).toBe(String(settings.concurrency));
  });

  it('opens the ports that the pod tells, and the Service leads to that for requests', () => {
    expect(Object.fromEntries(sidecar.ports.map((port) => [port.name, port.containerPort]))).toEqual({
      http: settings.ports.serving,
      drain: settings.ports.admin,
      metrics: settings.metrics.listen.port,
    });
    const service = onlyOf(manifests, 'Service').spec as { ports: object[]; selector: object };
    expect(service.ports).toEqual([{ name: 'http', port: 80, targetPort: 'http' }]);
    expect(service.selector).toEqual(template.metadata.labels);
  });

  it('asks the sidecar alone whether the app may start, and for the app whether it is ready', () => {
    expect(sidecar.startupProbe).toMatchObject({ tcpSocket: { port: 'http' } });
    expect(sidecar.readinessProbe.httpGet).toMatchObject({
      port: 'http',
      httpHeaders: [{ name: 'K-Network-Probe', value: 'queue' }],
    });
    expect(settings.probes).toMatchObject([{ kind: 'http', path: '/health', port: settings.user.port }]);
    expect(app).not.toHaveProperty('readinessProbe');
  });

  it('keeps the app until the drain is over, for which there is time', () => {
    const { path, port } = app.lifecycle.preStop.httpGet;
    expect({ path, port }).toEqual({ path: '/wait-for-drain', port: settings.ports.admin });
    const neededMs = settings.timeouts.totalMs + settings.drain.quietMs;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(neededMs);
  });

  it('keeps to the restricted standard for pods, with a root that is read-only', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    for (const { securityContext } of [sidecar, app]) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });
});

describe('the examples for Knative and KServe', () => {
  const config = manifestsIn('examples/sidecar-knative-config.yaml') as (Manifest & { data: Annotations })[];
  const service = onlyOf(manifestsIn('examples/sidecar-knative.yaml'), 'Service').spec as {
    template: {
      metadata: { annotations: Annotations };
      spec: {
        containerConcurrency: number;
        timeoutSeconds: number;
        responseStartTimeoutSeconds: number;
        idleTimeoutSeconds: number;
        containers: { args: string[]; readinessProbe: object }[];
      };
    };
  };
  const isvc = onlyOf(manifestsIn('examples/sidecar-kserve.yaml'), 'InferenceService');
  const ofKserve = (isvc.metadata as unknown as { annotations: Annotations }).annotations;
  const annotationsByName: Readonly<Record<string, Annotations>> = {
    Knative: service.template.metadata.annotations,
    KServe: ofKserve,
  };

  it('set the image of this version and let services mount their pod information, and nothing else', () => {
    const keys = config.flatMap(({ data }) => Object.entries(data));
    expect(config.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      'knative-serving/config-deployment',
      'knative-serving/config-features',
    ]);
    expect(Object.fromEntries(keys)).toMatchObject({
      'queue-sidecar-image': `registry.example.com/${image}`,
      'queueproxy.mount-podinfo': 'allowed',
    });
    expect(
      keys.filter(([key]) => !/^queue-sidecar-(image|memory-)|^queueproxy\.mount-podinfo$/.test(key)),
    ).toEqual([]);
  });

  it.each(Object.entries(annotationsByName))(
    'ask in %s for what there is, and let it be seen',
    (_name, annotations) => {
      const { features, faults, warnings } = asked(annotations);
      expect({ faults, warnings }).toEqual({ faults: [], warnings: [] });
      expect(features).toMatchObject({ heartbeatMs: 20_000, openaiErrors: true, metrics: true });
      expect(annotations['features.knative.dev/queueproxy-podinfo']).toBe('enabled');
    },
  );

  it('keep within what Knative allows of times, and admit what the app takes', () => {
    const { spec } = service.template;
    expect(spec.timeoutSeconds).toBeLessThanOrEqual(600);
    expect(spec.responseStartTimeoutSeconds).toBeLessThanOrEqual(spec.timeoutSeconds);
    expect(spec.idleTimeoutSeconds).toBeLessThanOrEqual(spec.timeoutSeconds);
    const { args } = spec.containers[0]!;
    expect(args[args.indexOf('--max-num-seqs') + 1]).toBe(String(spec.containerConcurrency));
    const { predictor } = isvc.spec as {
      predictor: { containerConcurrency: number; model: { args: string[] } };
    };
    expect(predictor.model.args).toContain(`--max-num-seqs=${predictor.containerConcurrency}`);
  });
});

describe('the guide to the sidecar', () => {
  const guide = readFileSync('docs/sidecar.md', 'utf8');
  const reference = readFileSync('docs/sidecar-reference.md', 'utf8');

  it('names only variables and options that there are', () => {
    const named = [
      ...guide.matchAll(/\b((?:PILOTLIGHT|QUEUE|METRICS|CONTAINER|USER|SERVING)_[A-Z_]+)\b/g),
    ].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => name !== 'PILOTLIGHT_NAME' && !reference.includes(`\`${name}\``))).toEqual(
      [],
    );
    const options = [...guide.matchAll(/^\*\*(.+?)\*\*/gm)].flatMap(([, text]) => [
      ...text!.matchAll(/`([a-z-]+)/g),
    ]);
    expect(options.length).toBeGreaterThan(8);
    for (const [, name] of options) expect(reference).toContain(`\`${prefix}${name}\``);
  });

  it('tells of each group of options', () => {
    const groups = [...reference.matchAll(/pilotlight-([a-z]+)/g)].map(([, word]) => word!);
    for (const word of new Set(groups)) expect(guide, word).toMatch(new RegExp(`\\b${word}\\b`));
  });
});

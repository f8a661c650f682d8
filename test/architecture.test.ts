import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Who may import whom (docs/design.md, "Floors"): a place (a top-level file or folder of src) to the places it may
 * import from besides itself. `drivers/x` and `stores/x` are places of their own. A new folder must be added here.
 */
const edges = ['core', 'config'];
const mayImport: Record<string, readonly string[]> = {
  core: [],
  config: ['core'],
  protocols: ['core', 'config'],
  admission: ['core', 'config'],
  activation: ['core', 'config'],
  autoscale: ['core', 'config'],
  forward: [...edges, 'admission'],
  meter: edges,
  probe: edges,
  ladder: edges,
  gpu: edges,
  kube: edges,
  'drivers/kubernetes': [...edges, 'kube'],
  discovery: [...edges, 'kube'],
  'drivers/process': edges,
  'drivers/static': edges,
  'stores/memory': edges,
  'stores/sqlite': edges,
  'stores/redis': edges,
  'stores/directory': edges,
  webhooks: edges,
  'demo-backend': ['core'],
  relay: [...edges, 'admission', 'forward'],
  sidecar: [...edges, 'protocols', 'admission', 'forward', 'meter', 'probe', 'ladder', 'relay'],
  'sidecar.ts': ['*'],
  'arrival.ts': [...edges, 'admission', 'forward', 'meter'],
  'passage.ts': [...edges, 'protocols', 'admission', 'forward', 'meter', 'arrival.ts'],
  'pipeline.ts': [
    ...edges,
    'protocols',
    'admission',
    'forward',
    'meter',
    'arrival.ts',
    'passage.ts',
    'errand.ts',
  ],
  rpc: [...edges, 'protocols', 'admission', 'forward', 'relay', 'arrival.ts'],
  'errand.ts': [...edges, 'protocols', 'admission', 'forward', 'meter', 'arrival.ts'],
  'errand-answer.ts': [...edges, 'forward', 'errand.ts', 'pipeline.ts'],
  'ask.ts': [...edges, 'protocols', 'admission', 'errand-answer.ts', 'pipeline.ts'],
  jobs: [...edges, 'protocols', 'admission', 'arrival.ts', 'errand-answer.ts', 'pipeline.ts'],
  http: [...edges, 'protocols', 'admission', 'forward', 'meter', 'relay', 'rpc', 'arrival.ts', 'pipeline.ts'],
  'model-runtime.ts': ['*'],
  'roster.ts': ['*'],
  room: ['*'],
  'edges.ts': ['*'],
  'cluster.ts': ['*'],
  'cluster-models.ts': ['*'],
  'cluster-voice.ts': ['*'],
  'model-sources.ts': ['*'],
  'runtime-parts.ts': ['*'],
  'companions.ts': ['*'],
  'runtime-view.ts': ['*'],
  'event-log.ts': ['*'],
  'app.ts': ['*'],
  'app-server.ts': ['*'],
  'app-ports.ts': ['*'],
  'office.ts': ['*'],
  'job-view.ts': ['*'],
  'job-office.ts': ['*'],
  'front-desk.ts': ['*'],
  'surface-places.ts': ['*'],
  simulate: ['*'],
  'main.ts': ['*'],
  cli: ['*'],
};

/** Packages and Node modules with I/O are for the edges; decisions may use only these. */
const pureFloors = ['core', 'protocols', 'admission', 'activation', 'autoscale'];
const purePackages = ['node:crypto', 'node:buffer', 'node:zlib', 'croner', '@bufbuild/protobuf/wire'];

const sources = globSync('src/**/*.ts').map((file) => normalize(file).replaceAll('\\', '/'));

function placeOf(file: string): string {
  const [first = '', second = ''] = file.replace(/^src\//, '').split('/');
  return first === 'drivers' || first === 'stores' ? `${first}/${second.replace(/\.ts$/, '')}` : first;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*'([^']+)'|import\(\s*'([^']+)'|(?:^|\n)import\s*'([^']+)'/g,
  );
  return [...found].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

describe('architecture', () => {
  it('has every place of src in its table', () => {
    const places = [...new Set(sources.map(placeOf))];
    expect(places.filter((place) => !(place in mayImport))).toEqual([]);
  });

  it.each(sources)('%s imports only from the floors below it', (file) => {
    const place = placeOf(file);
    const allowed = mayImport[place] ?? [];
    const wrong = importsOf(file)
      .filter((target) => target.startsWith('.'))
      .map((target) => placeOf(join(dirname(file), target).replaceAll('\\', '/')))
      .filter((target) => target !== place && !allowed.includes('*') && !allowed.includes(target));
    expect(wrong).toEqual([]);
  });

  it.each(sources.filter((file) => pureFloors.includes(placeOf(file))))('%s does no I/O', (file) => {
    const packages = importsOf(file).filter((target) => !target.startsWith('.'));
    expect(packages.filter((name) => !purePackages.includes(name))).toEqual([]);
  });

  it.each(sources)('%s has at most 250 lines and no barrel export', (file) => {
    const text = readFileSync(file, 'utf8');
    expect(text.split('\n').length - 1).toBeLessThanOrEqual(250);
    expect(text).not.toMatch(/^export (\*|\{[^}]*\}) from/m);
    expect(text).not.toMatch(/^export default/m);
  });
});

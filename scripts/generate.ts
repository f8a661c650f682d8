import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configJsonSchema } from '../src/config/schema.ts';
import { renderConfiguration } from './render-configuration.ts';
import { renderCrd } from './render-crd.ts';
import { renderErrors } from './render-errors.ts';
import { renderMetrics } from './render-metrics.ts';
import { renderSidecar } from './render-sidecar.ts';

/**
 * Writes the generated references; with --check only compares, names what differs and exits 1.
 * A new generated file is one line here.
 */
const renderByFile: Readonly<Record<string, () => string>> = {
  'deploy/crd/models.pilotlight.dev.yaml': renderCrd,
  'deploy/helm/pilotlight/crds/models.pilotlight.dev.yaml': renderCrd,
  'docs/configuration.md': () => renderConfiguration(configJsonSchema()),
  'docs/configuration.schema.json': () => `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  'docs/errors.md': renderErrors,
  'docs/metrics.md': renderMetrics,
  'docs/sidecar-reference.md': renderSidecar,
};

const root = new URL('../', import.meta.url);
const isCheck = process.argv.includes('--check');

function current(file: string): string | null {
  try {
    return readFileSync(fileURLToPath(new URL(file, root)), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

for (const [file, render] of Object.entries(renderByFile)) {
  const text = render();
  if (current(file) === text) continue;
  if (isCheck) {
    console.error(`${file} is not what the code says: run npm run generate`);
    process.exitCode = 1;
  } else {
    writeFileSync(fileURLToPath(new URL(file, root)), text);
    console.log(`wrote ${file}`);
  }
}

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('the Helm chart has the kind Model as it is generated', () => {
  const file = 'models.pilotlight.dev.yaml';
  const generated = readFileSync(`deploy/crd/${file}`, 'utf8');
  expect(readFileSync(`deploy/helm/pilotlight/crds/${file}`, 'utf8')).toBe(generated);
});

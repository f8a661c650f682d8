import { stringify } from 'yaml';
import { modelName } from '../../config/model-name.ts';
import type { ModelShape } from '../policy.ts';
import type { Setting } from './families.ts';

const intro = `# The backends are only examples: keep those that the models have, and take over the rest.
`;

/** A configuration with these settings for each model; a name of the trace that no model can have is a comment. */
export function proposalOf(models: readonly string[], setting: Setting, shape: ModelShape): string {
  const named = models.filter((name) => modelName.safeParse(name).success).toSorted();
  const unnamed = models.filter((name) => !named.includes(name));
  const entries = named.map((name) => {
    const { min, ...scale } = setting.scaleOf(name);
    const model = {
      backend: { driver: 'process', command: ['your-server', '--port', '{port}'] },
      concurrency: shape.concurrency,
      scale: { min, max: shape.max, ...scale },
    };
    return block(name, model);
  });
  const left = unnamed.map((name) => `# no model can be named ${JSON.stringify(name)}\n`);
  return `${intro}models:${entries.length === 0 ? ' {}' : ''}\n${entries.join('')}${left.join('')}`;
}

/** One model, a line for each of its keys. */
function block(name: string, model: Readonly<Record<string, unknown>>): string {
  const flow = (value: unknown) => stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
  const lines = Object.entries(model).map(([key, value]) => `    ${key}: ${flow(value)}\n`);
  return `  ${JSON.stringify(name)}:\n${lines.join('')}`;
}

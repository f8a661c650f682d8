import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { modelObjectSchema } from '../../src/config/found-model.ts';

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node;
  readonly items?: Node;
  readonly [keyword: string]: unknown;
}

const definition = parseYaml(readFileSync('deploy/crd/models.pilotlight.dev.yaml', 'utf8')) as {
  spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, Node> } } }[] };
};
const { spec, status } = definition.spec.versions[0]!.schema.openAPIV3Schema.properties;

/** Every node below, with its place. */
function nodesOf(node: Node, place: string): [string, Node][] {
  const children = Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    nodesOf(child, `${place}.${key}`),
  );
  const inItems = node.items ? nodesOf(node.items, `${place}[]`) : [];
  const inValues = node.additionalProperties ? nodesOf(node.additionalProperties, `${place}.*`) : [];
  return [[place, node], ...children, ...inItems, ...inValues];
}

const nodes = [...nodesOf(spec!, 'spec'), ...nodesOf(status!, 'status')];

/** Keywords that a structural schema has no place for, or that would make defaults of their own. */
const foreign = ['$ref', '$schema', 'oneOf', 'anyOf', 'const', 'default', 'propertyNames', 'title'];

describe('the schema of the kind Model', () => {
  it.each(nodes)('is structural at %s', (_, node) => {
    expect(Object.keys(node).filter((keyword) => foreign.includes(keyword))).toEqual([]);
    const isFree = node['x-kubernetes-int-or-string'] || node['x-kubernetes-preserve-unknown-fields'];
    expect(node.type === undefined).toBe(isFree === true);
    expect(node.properties !== undefined && node.additionalProperties !== undefined).toBe(false);
  });

  it('leaves without a type only what is text or a map: the target, a warm-up, the contract, a rung', () => {
    const free = nodes.filter(([, node]) => node['x-kubernetes-preserve-unknown-fields'] === true);
    expect(free.map(([place]) => place)).toEqual([
      'spec.backend.scaleTarget',
      'spec.backend.ready.warmUp',
      'spec.contract',
      'spec.scale.ladder[]',
    ]);
  });

  it('explains every key', () => {
    const silent = nodes.filter(
      ([place, { description }]) => !/(\[\]|\.\*)$/.test(place) && description === undefined,
    );
    expect(silent.map(([place]) => place)).toEqual([]);
  });

  it('has the keys of a model of the file', () => {
    expect(Object.keys(spec!.properties!)).toEqual(Object.keys(modelObjectSchema.shape));
    expect(Object.keys(spec!.properties!.backend!.properties!)).toEqual(
      Object.keys(modelObjectSchema.shape.backend.shape),
    );
  });

  it('takes the models of the example, and refuses what has another type', () => {
    // Ajv takes no nullable without a type.
    const written = JSON.stringify(spec, (key, value: unknown) => (key === 'nullable' ? undefined : value));
    const validate = new Ajv({ strict: false }).compile(JSON.parse(written) as object);
    const { models } = parseYaml(readFileSync('examples/kubernetes.yaml', 'utf8')) as {
      models: Record<string, object>;
    };
    for (const model of Object.values(models)) expect(validate(model)).toBe(true);
    const backend = { scaleTarget: 'deployment/a' };
    expect(validate({ backend, scale: { idle: 0 } })).toBe(true);
    expect(validate({ backend, scale: { idle: 5 } })).toBe(false);
    expect(validate({ backend, scale: { idle: '5 minutes' } })).toBe(false);
    expect(validate({ backend: { ...backend, port: 70_000 } })).toBe(false);
    expect(validate({ backend: {} })).toBe(false);
  });
});

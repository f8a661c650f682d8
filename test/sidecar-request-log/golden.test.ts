import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inputOf, revisionOf } from '../../src/sidecar/request-log/logged-request.ts';
import { compileTemplate } from '../../src/sidecar/request-log/template/compile.ts';
import { TemplateFault } from '../../src/sidecar/request-log/template/lexer.ts';
import { ExecutionFault } from '../../src/sidecar/request-log/template/values.ts';
import { headOf } from './raw-head.ts';

interface Case {
  readonly request: string;
  readonly template: string;
  readonly latencyS: number;
  readonly output?: string;
  readonly fault?: 'parse' | 'execution';
}

/**
 * What Go's text/template (1.26) made of each template with Knative's own input, of a request that net/http had read: its
 * output, or whether it failed when the template was parsed or when it was executed.
 */
const golden: { readonly requests: Readonly<Record<string, string>>; readonly cases: readonly Case[] } =
  JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8'));

const revision = revisionOf({
  namespace: 'default',
  service: 'svc',
  configuration: 'conf',
  revision: 'conf-00001',
  pod: 'pod-1',
  podIp: '10.0.0.1',
});

function rendered({ request, template, latencyS }: Case): string {
  const facts = {
    head: headOf(golden.requests[request]!),
    status: 404,
    answerBytes: 7,
    totalMs: latencyS * 1_000,
  };
  return compileTemplate(template)(inputOf(facts, revision));
}

describe('a template of a request log', () => {
  it('was tried on Go with every word of the language that is supported', () => {
    expect(golden.cases.length).toBeGreaterThan(130);
  });

  it.each(golden.cases.filter(({ output }) => output !== undefined))(
    'gives what Go gives: $request $template',
    (one) => {
      expect(rendered(one)).toBe(one.output);
    },
  );

  it.each(golden.cases.filter(({ fault }) => fault === 'parse'))(
    'is refused as Go refuses it: $template',
    (one) => {
      expect(() => compileTemplate(one.template)).toThrow(TemplateFault);
    },
  );

  it.each(golden.cases.filter(({ fault }) => fault === 'execution'))(
    'fails at a request as with Go: $template',
    (one) => {
      compileTemplate(one.template);
      expect(() => rendered(one)).toThrow(ExecutionFault);
    },
  );
});

import { describe, expect, it } from 'vitest';
import { readAnnotations } from '../../../src/sidecar/environment/annotations.ts';

describe("the pod's annotations as the downward API writes them", () => {
  it('are those of the sidecar alone, without their prefix', () => {
    const file = [
      'autoscaling.knative.dev/target="10"',
      'qpoption.knative.dev/pilotlight-heartbeat="20s"',
      'qpoption.knative.dev/other-thing="x"',
      'qpoption.knative.dev/pilotlight-openai-errors="true"',
    ].join('\n');
    expect([...readAnnotations(file)]).toEqual([
      ['heartbeat', '20s'],
      ['openai-errors', 'true'],
    ]);
  });

  it('are unquoted as Go quotes them', () => {
    const quoted = '"a\\"b\\\\c\\nd\\te\\x07f\\u00e9g\\U0001f525h=i"';
    const file = `qpoption.knative.dev/pilotlight-loading=${quoted}\n`;
    expect(readAnnotations(file).get('loading')).toBe('a"b\\c\nd\te\x07f\u00e9g\u{1f525}h=i');
  });
});

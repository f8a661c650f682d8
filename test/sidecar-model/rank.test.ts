import { describe, expect, it } from 'vitest';
import { annotationTexts, modelFeaturesOf } from '../../src/sidecar/model/features.ts';
import { commonRank, rankOf } from '../../src/sidecar/model/rank.ts';

const asking = [
  ...['x-pilotlight-priority', 'High'],
  ...['x-request-timeout', '30', 'x-stainless-timeout', '7.5', 'x-scale-up-timeout', 'soon'],
];

function rank(annotations: Record<string, string>, fields: string[] = asking) {
  const { features } = modelFeaturesOf(annotationTexts(new Map(Object.entries(annotations))), {
    concurrency: 4,
    isScraped: true,
  });
  return rankOf(features, fields, commonRank(features));
}

describe('where a request stands among those that wait', () => {
  it('is the same for all unless clients are asked', () => {
    expect(rank({})).toEqual({ priority: 1, patienceMs: Number.POSITIVE_INFINITY });
    expect(rank({ 'queue-timeout': '10s' })).toEqual({ priority: 1, patienceMs: 10_000 });
  });

  it('is by the priority that its client asks for', () => {
    expect(rank({ priorities: 'true' })).toEqual({ priority: 0, patienceMs: Number.POSITIVE_INFINITY });
    expect(rank({ priorities: 'true' }, ['x-pilotlight-priority', 'low']).priority).toBe(2);
    expect(rank({ priorities: 'true' }, ['x-pilotlight-priority', 'urgent']).priority).toBe(1);
    expect(rank({ priorities: 'true' }, []).priority).toBe(1);
  });

  it('ends when its client has no more patience, or the queue has none', () => {
    expect(rank({ deadlines: 'true' })).toEqual({ priority: 1, patienceMs: 7_500 });
    expect(rank({ deadlines: 'true', 'queue-timeout': '5s' }).patienceMs).toBe(5_000);
    expect(rank({ deadlines: 'true', 'queue-timeout': '5s' }, []).patienceMs).toBe(5_000);
  });
});

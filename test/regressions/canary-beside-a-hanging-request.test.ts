import { expect, it } from 'vitest';
import { defaults, Harness } from '../activation/harness.ts';

it.each([
  [2, 1, 2],
  [2, 2, 2],
  [100, 3, 4],
  [0, 3, 4],
])(
  'with a limit of %i and %i requests that hang there, a stalled replica comes back with a limit of %i',
  async (concurrency, hanging, limit) => {
    const h = new Harness({ ...defaults, concurrency }, { isFixed: true });
    h.driver.run(h.driver.add());
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    h.gate.run('r1', hanging);
    h.activator.report('r1', 'stalled');
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.gate.replicas.get('r1')?.limit).toBe(limit);
  },
);

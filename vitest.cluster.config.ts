import { defineConfig } from 'vitest/config';

/** Run by `node test/cluster/run.ts`: one file at a time, since all share one control plane. */
export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    expect: { poll: { timeout: 20_000, interval: 20 } },
  },
});

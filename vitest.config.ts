import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They need a control plane: npm run test:cluster.
    exclude: ['test/cluster/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    expect: { poll: { timeout: 10_000, interval: 20 } },
    coverage: {
      provider: 'v8',
      include: ['src/core/**', 'src/admission/**', 'src/activation/**', 'src/autoscale/**'],
      thresholds: { lines: 90, functions: 90, branches: 85 },
    },
  },
});

import { describe, expect, it } from 'vitest';
import { needsNewReplicas } from '../../src/config/model-parts.ts';
import { settingsOf } from '../support/gateway.ts';

const local = (backend: string, more = '') =>
  settingsOf(`  m:\n    backend: { driver: process, ${backend} }\n    ${more}\n`).models.get('m')!;
const fixed = (urls: string) =>
  settingsOf(`  m:\n    backend: { driver: static, urls: ${urls} }\n`).models.get('m')!;

describe('whether a change needs new replicas', () => {
  const before = local('command: [a], env: { X: "1", Y: "2" }');

  it('is so for what a replica runs, and where it is', () => {
    for (const after of [
      local('command: [b], env: { X: "1", Y: "2" }'),
      local('command: [a], env: { X: "1", Y: "3" }'),
      local('command: [a], env: { X: "1" }'),
      local('command: [a], env: { X: "1", Y: "2" }, cwd: /tmp'),
      fixed('["http://h:1"]'),
    ])
      expect(needsNewReplicas(before, after)).toBe(true);
    expect(needsNewReplicas(fixed('["http://h:1"]'), fixed('["http://h:1", "http://h:2"]'))).toBe(true);
  });

  it('is not so for limits, probes and time-outs, nor for the order of its environment', () => {
    for (const after of [
      local('command: [a], env: { Y: "2", X: "1" }'),
      local('command: [a], env: { X: "1", Y: "2" }, stopGrace: 3s'),
      local('command: [a], env: { X: "1", Y: "2" }, ready: { path: /ready, startup: 1m }'),
      local('command: [a], env: { X: "1", Y: "2" }', 'concurrency: 3\n    timeouts: { connect: 1s }'),
      local('command: [a], env: { X: "1", Y: "2" }', 'aliases: [n]\n    scale: { max: 4 }'),
    ])
      expect(needsNewReplicas(before, after)).toBe(false);
  });
});

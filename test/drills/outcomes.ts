import { expect } from 'vitest';
import type { DrilledGateway, NotingBackend } from './drilled-gateway.ts';

/** All that was acknowledged succeeds, with its own answer; returns how many did, and how many of them ran more than once. */
export async function allSucceed(
  gateway: DrilledGateway,
  backend: NotingBackend,
  accepted: readonly string[],
): Promise<{ readonly succeeded: number; readonly again: number }> {
  for (const id of accepted) {
    await expect.poll(async () => (await gateway.get(id))?.status, { timeout: 20_000 }).toBe('succeeded');
    expect(await gateway.result(id)).toContain(id);
    expect(backend.runs.get(id)).toBeGreaterThanOrEqual(1);
  }
  const again = accepted.filter((id) => backend.runs.get(id)! > 1).length;
  return { succeeded: accepted.length, again };
}

import { it } from 'vitest';

const main = new URL('../../../src/main.ts', import.meta.url).pathname;

const words = process.env.PILOTLIGHT_SIDECAR_COMMAND?.split(' ').filter((word) => word !== '');

/** Whether another program than our own is tested: the original, with its fixed ports, folders and times. */
export const isOriginal = words !== undefined && words.length > 0;

/** The program that is tested, and its arguments. */
export const command: readonly string[] = isOriginal ? words! : [process.execPath, main, 'sidecar'];

/** Of a test of what ours does better than the original, or has beside it. */
export const itsOwn = it.skipIf(isOriginal);

/** How long nobody may have asked before a drain is over: the original's is fixed. */
export const quietMs = isOriginal ? 30_000 : 1_500;

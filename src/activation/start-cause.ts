import type { StartFault } from '../core/driver.ts';
import type { StartFailure } from './back-off.ts';
import type { Fleet } from './fleet.ts';
import type { Replica } from './replica.ts';
import type { Start } from './start.ts';

/** Why a start failed. */
export type Cause = Pick<StartFailure, 'reason' | 'fault'>;

const within = (startupMs: number) => `within ${startupMs / 1_000}s`;

/** The driver could not be asked, or not watch. Pure. */
export function errorCause(error: unknown): Cause {
  if (!(error instanceof Error)) return { reason: String(error), fault: null };
  const { fault = null } = error as Error & { readonly fault?: StartFault };
  return { reason: error.message, fault };
}

/** It exited. Pure. */
export function exitCause({ status }: Replica): Cause {
  return { reason: status.reason ?? 'it exited', fault: status.fault ?? null };
}

/** It is there, and was not ready within `startupMs`. Pure. */
export function lateCause({ status, detail }: Replica, startupMs: number): Cause {
  const seen = status.reason ?? detail ?? 'it never listened';
  return { reason: `not ready ${within(startupMs)}: ${seen}`, fault: status.fault ?? null };
}

/** None came within `startupMs`, or those that are there by themselves stayed away. Pure. */
export function missingCause({ isFixed, detail, status }: MissingView, startupMs: number): Cause {
  const { fault = null } = status;
  if (isFixed) return { reason: `not ready ${within(startupMs)}: ${detail ?? 'never probed'}`, fault };
  const seen = detail === null ? '' : `: ${detail}`;
  return { reason: `no replica appeared ${within(startupMs)}${seen}`, fault };
}

type MissingView = Pick<Fleet, 'detail' | 'status' | 'isFixed'>;

/** A failure as it is told: with the last line of output where the reason does not hold it already. Pure. */
export function failureOf({ reason, fault }: Cause, start: Start, output: readonly string[]): StartFailure {
  const lastLine = output.at(-1);
  const isTold = lastLine === undefined || reason.includes(lastLine);
  return { reason: isTold ? reason : `${reason}: ${lastLine}`, phase: start.step, fault, output };
}

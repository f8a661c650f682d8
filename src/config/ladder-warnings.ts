import { formatDuration } from './quantities.ts';
import type { RevisionSettings } from './settings.ts';

/** What of a ladder does less than it seems to, one line each; `place` is the path of its model. */
export function ladderWarnings(place: string, { ladder, scale }: RevisionSettings): string[] {
  return ladder.flatMap(({ name, afterMs, sleep }, index) => {
    const at = `${place}.scale.ladder[${index}]`;
    const warnings: string[] = [];
    if (sleep.every(({ kind }) => kind === 'signal')) {
      warnings.push(`${at} (${name}) stops the processes and frees no memory, that of the GPU neither`);
    }
    if (afterMs !== null && scale.idleMs > 0 && scale.coldStartMs === null && afterMs >= scale.idleMs) {
      const idle = formatDuration(scale.idleMs);
      warnings.push(
        `${at} (${name}) is never taken: after ${formatDuration(afterMs)}, but stopped after ${idle}`,
      );
    }
    return warnings;
  });
}

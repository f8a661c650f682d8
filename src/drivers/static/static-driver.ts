import type { StaticBackend } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Driver, TargetStatus } from '../../core/driver.ts';

/** Servers that somebody else runs, at fixed URLs: they always count as running, and scaling them does nothing. */
export function createStaticDriver({ clock }: { clock: Clock }): Driver<StaticBackend> {
  return {
    name: 'static',
    isFixed: true,
    canReplace: false,
    replacesLost: false,
    async scale(_target, _request, signal) {
      signal.throwIfAborted();
    },
    async watch(target, onStatus, signal) {
      if (signal.aborted) return;
      const ended = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => ended.resolve(), { once: true });
      onStatus(statusOf(target.id, target.backend, clock.nowMs()));
      await ended.promise;
    },
    async close() {
      // Nothing was started here.
    },
  };
}

/** The id holds the URL: the server behind it is the same one whatever else changes in the list. */
function statusOf(targetId: string, backend: StaticBackend, nowMs: number): TargetStatus {
  const urls = [...new Set(backend.urls)];
  return {
    replicas: urls.map((url) => ({
      id: `${targetId}@${url}`,
      origin: url,
      phase: 'running',
      steps: [{ name: 'configured', atMs: nowMs }],
    })),
  };
}

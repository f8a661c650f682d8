import type { Clock } from '../../../core/clock.ts';
import type { ModelFeatures, SidecarSettings } from '../../settings.ts';

/** Sends the app to sleep and wakes it. */
export interface AppHooks {
  /** Rejects with a `HookRefused` where the app said no, with another Error where nobody knows whether it sleeps now. */
  sleep(signal: AbortSignal): Promise<void>;
  /** Resolves when the app takes requests again. Rejects with an Error of one line. */
  wake(signal: AbortSignal): Promise<void>;
}

/** The app answered a hook with another status than 200 to 299: it did not do it. */
export class HookRefused extends Error {}

/** Between two questions whether it is awake by now. */
const pollMs = 100;

/**
 * The hooks of the settings, as requests to the app. Each of both, the wait for `ready` included, has `ready.startupMs`. Node's
 * HTTP client is loaded with the first one.
 */
export function createAppHooks(
  { sleep, wake, ready }: NonNullable<ModelFeatures['sleep']>,
  user: SidecarSettings['user'],
  clock: Clock,
): AppHooks {
  const origin = `http://${user.host}:${user.port}`;
  const ask = async ({ method, path }: typeof wake, signal: AbortSignal) => {
    const { askHttp } = await import('../../../ladder/ask-http.ts');
    const request = { method, path, origin, body: null, headers: ready.headers };
    const name = `${method} ${path}`;
    const answer = await askHttp({ ...request, timeoutMs: ready.startupMs, clock, signal }).catch((error) => {
      signal.throwIfAborted();
      throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
    });
    const said = answer.body.replaceAll(/\s+/g, ' ').slice(0, 120);
    if (answer.status < 200 || answer.status > 299) {
      throw new HookRefused(`${name}: ${answer.status} ${said}`.trimEnd());
    }
  };
  return {
    sleep: (signal) => ask(sleep, signal),
    async wake(signal) {
      const deadlineMs = clock.nowMs() + ready.startupMs;
      await ask(wake, signal);
      const { probeHttp } = await import('../../../probe/http-probe.ts');
      for (;;) {
        const { state, detail } = await probeHttp({ origin, ready, clock, signal });
        signal.throwIfAborted();
        if (state === 'ready') return;
        if (clock.nowMs() >= deadlineMs) throw new Error(`not awake after ${ready.startupMs} ms: ${detail}`);
        await clock.sleep(pollMs, signal);
      }
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

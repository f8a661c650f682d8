import { readTlsLimits, type TlsLimits } from '../../relay/tls-limits.ts';
import { Misfit } from './variable.ts';

/** One of QUEUE_PROXY_TLS_*, whose `name` is without that prefix, on its own: the text where it can be taken. */
export function readTlsVariable(name: string, text: string, expects: string): string | Misfit {
  // Without an oldest version it would be 1.3, and a newest one of 1.2 a contradiction.
  const limits = limitsOf({ TLS_MIN_VERSION: '1.2', [name]: text });
  return limits instanceof Misfit
    ? new Misfit(`${expects} (${limits.expected.replace(/^\w+: /, '')})`)
    : text;
}

/** What all of them allow together; a fault where they do not go together. */
export function limitsOf(environment: Readonly<Record<string, string>>): TlsLimits | Misfit {
  try {
    return readTlsLimits(environment, '');
  } catch (error) {
    return new Misfit(error instanceof Error ? error.message : String(error));
  }
}

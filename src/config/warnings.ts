import { formatAddress, isLoopback } from './address.ts';
import { ladderWarnings } from './ladder-warnings.ts';
import { formatDuration } from './quantities.ts';
import type { ModelSettings, Settings } from './settings.ts';
import { surfaceWarnings } from './surface-rules.ts';

/** What is allowed and probably not meant, one line each. */
export function warningsOf(settings: Settings): string[] {
  const { server, auth, models } = settings;
  const warnings: string[] = [];
  if (auth.open && !isLoopback(server.listen.host)) {
    warnings.push(
      `auth: open on ${formatAddress(server.listen)}: anybody who reaches it may use every model`,
    );
  }
  if (auth.keys.length > 0 && server.tls === null && !isLoopback(server.listen.host)) {
    warnings.push(`server.tls is not set: keys travel to ${formatAddress(server.listen)} unencrypted`);
  }
  const { discovery, lease } = settings.kubernetes ?? {};
  if (lease === null && (discovery?.models || discovery?.annotations)) {
    warnings.push(
      'kubernetes.lease is false: a second gateway that finds the same models would scale them as well',
    );
  }
  const all = [...models.values()];
  warnings.push(...surfaceWarnings(settings));
  return [...warnings, ...drainWarnings(all, server.drainMs), ...all.flatMap(modelWarnings)];
}

/** One for all of them: they have one drain. */
function drainWarnings(models: readonly ModelSettings[], drainMs: number): string[] {
  const short = models
    .filter(({ cold, revision }) => cold === 'hold' && revision.scale.min === 0)
    .filter(({ revision }) => drainMs > 0 && drainMs < revision.ready.startupMs)
    .toSorted((a, b) => b.revision.ready.startupMs - a.revision.ready.startupMs);
  const [longest, ...others] = short;
  if (longest === undefined) return [];
  const startup = `ready.startup (${formatDuration(longest.revision.ready.startupMs)})`;
  const besides = others.length === 0 ? '' : `, and than that of ${others.length} more`;
  return [
    `server.drain (${formatDuration(drainMs)}) is shorter than models.${longest.name} ${startup}${besides}: ` +
      'a shutdown during a start fails its waiters',
  ];
}

function modelWarnings({ name, revision }: ModelSettings): string[] {
  const { backend, ready, queue, timeouts, concurrency, scale } = revision;
  const place = `models.${name}`;
  const warnings: string[] = [];
  const startup = `ready.startup (${formatDuration(ready.startupMs)})`;
  const waitMs = Math.min(...[queue.timeoutMs, timeouts.totalMs].filter((ms) => ms > 0));
  if (waitMs < ready.startupMs) {
    warnings.push(
      `${place} lets requests wait ${formatDuration(waitMs)}, less than ${startup}: they may give up before a start ends`,
    );
  }
  if (concurrency === 0 && revision.balance.strategy === 'first' && scale.max > 1) {
    warnings.push(`${place}.balance.strategy first without a concurrency limit uses one replica only`);
  }
  if (backend.driver === 'process' && !usesPort(backend.command, backend.env)) {
    warnings.push(`${place}.backend.command does not use {port}: the program cannot know where to listen`);
  }
  if (scale.owner === 'external' && (scale.min > 0 || scale.max > 1)) {
    warnings.push(
      `${place}.scale.owner is external: min ${scale.min} and max ${scale.max} have no effect, others own the count`,
    );
  }
  return [...warnings, ...ladderWarnings(place, revision)];
}

function usesPort(command: readonly string[], env: Readonly<Record<string, string>>): boolean {
  return [...command, ...Object.values(env)].some((text) => text.includes('{port}'));
}

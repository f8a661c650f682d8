import type { Cluster } from './cluster.ts';
import { ClusterVoice, type ClusterVoiceOptions } from './cluster-voice.ts';
import type { Settings } from './config/settings.ts';
import { PilotlightError } from './core/errors.ts';
import type { ModelSources } from './model-sources.ts';
import type { StartMemory } from './runtime-parts.ts';

/** At its start a gateway waits that long for what was learned before; without it, it goes on. */
const recallMs = 3_000;

/** What was learned of starts by the gateways before this one; empty without a cluster. */
export async function recallStarts(cluster: Cluster | null): Promise<StartMemory> {
  if (cluster === null) return { recall: () => undefined, keep: () => undefined };
  const kept = await cluster.starts
    .load(AbortSignal.timeout(recallMs))
    .catch(() => new Map<string, unknown>());
  return {
    recall: (key) => kept.get(key),
    keep(key, samples) {
      kept.set(key, samples);
      cluster.starts.save(key, samples);
    },
  };
}

/** Why nothing is admitted now, as the error that clients get; null: everything is. */
export function refusalOf(cluster: Cluster | null): PilotlightError | null {
  const obstacle = cluster?.obstacle ?? null;
  return obstacle === null
    ? null
    : new PilotlightError('standby', `this gateway takes no requests: ${obstacle}`);
}

export interface FollowOptions extends Pick<ClusterVoiceOptions, 'clock' | 'snapshotOf'> {
  readonly sources: ModelSources;
  /** Takes a configuration that holds from now on. */
  apply(settings: Settings): void;
}

/** From now on the models of the cluster are among those of the gateway, and their objects tell what it makes of them. */
export function followCluster(
  cluster: Cluster,
  { clock, snapshotOf, sources, apply }: FollowOptions,
): ClusterVoice {
  const { discovery, reporter } = cluster.start((discovered) => {
    apply(sources.takeFound(discovered.models));
    voice.found(discovered, sources.refused);
  });
  const voice = new ClusterVoice({ clock, snapshotOf, discovery, reporter, recorder: cluster.recorder });
  return voice;
}

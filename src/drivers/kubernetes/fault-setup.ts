import type { EventView } from './fault-events.ts';
import { type Verdict, verdict } from './fault-verdict.ts';

/** Events of a pod that has a node and whose containers cannot be created yet. */
const setupReasons = new Set([
  'FailedAttachVolume',
  'FailedMount',
  'FailedMapVolume',
  'FailedCreatePodSandBox',
  'FailedPrepareDynamicResources',
  'NetworkNotReady',
]);

const missing =
  /(?:secret|configmap|persistentvolumeclaim) "(?<name>[^"]+)" not found|references non-existent (?:secret|config) key/i;

/** Published by a controller a moment after its namespace: it comes by itself. */
const comesByItself = 'kube-root-ca.crt';

/**
 * The verdict on volumes and network by the newest event about them, or null. The kubelet sums up what is missing ("Unable
 * to attach or mount volumes") every two minutes: what names the cause goes before that.
 */
export function judgeSetup(events: readonly EventView[]): Verdict | null {
  const attachedMs = newest(events.filter(({ reason }) => reason === 'SuccessfulAttachVolume'))?.lastMs;
  const open = events.filter(
    ({ reason, lastMs }) =>
      setupReasons.has(reason) &&
      (reason !== 'FailedAttachVolume' || attachedMs === undefined || lastMs > attachedMs),
  );
  const causes = open.filter(({ message }) => !message.startsWith('Unable to attach or mount volumes'));
  const event = newest(causes.length > 0 ? causes : open);
  if (event === undefined) return null;
  const reason = `${event.reason}: ${event.message}`;
  const found = missing.exec(event.message);
  if (found !== null && found.groups?.name !== comesByItself) {
    return verdict(reason, { fault: 'missing', isTerminal: true });
  }
  return verdict(reason, /Volume|Mount/.test(event.reason) ? { fault: 'volume' } : {});
}

function newest(events: readonly EventView[]): EventView | undefined {
  return events.toSorted((a, b) => b.lastMs - a.lastMs)[0];
}

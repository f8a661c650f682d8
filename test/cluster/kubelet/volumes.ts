import { setTimeout as pause } from 'node:timers/promises';
import type { Reporter } from './reporter.ts';
import type { Script } from './script.ts';

const elsewhere =
  'Multi-Attach error for volume "pvc-weights" Volume is already exclusively attached to one node and can\'t be attached to another';

/** Attaches and mounts a pod's volumes, as its script says; false: that does not come about. */
export async function mountVolumes(
  { fault, attachMs }: Script,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<boolean> {
  if (fault === 'multi-attach') {
    await reporter.event(['Warning', 'FailedAttachVolume', elsewhere], signal);
    return false;
  }
  if (attachMs > 0) {
    await pause(attachMs, undefined, { signal });
    const message = 'AttachVolume.Attach succeeded for volume "pvc-weights" ';
    await reporter.event(['Normal', 'SuccessfulAttachVolume', message], signal);
  }
  if (fault !== 'failed-mount') return true;
  const message = 'MountVolume.SetUp failed for volume "weights" : secret "weights" not found';
  await reporter.event(['Warning', 'FailedMount', message], signal);
  return false;
}

import { setTimeout as pause } from 'node:timers/promises';
import { pullFaultOf } from './image-faults.ts';
import type { ContainerSpec } from './pod-object.ts';
import { type PodReport, type Reporter, waiting } from './reporter.ts';
import type { Script } from './script.ts';

/** The longest pause before a container or a pull is tried again, as of a kubelet. */
export const maxBackOffMs = 300_000;

/** A container whose image is pulled, and where that is told. */
export interface Pull {
  readonly container: ContainerSpec;
  readonly script: Script;
  readonly reporter: Reporter;
  readonly report: PodReport;
}

/** Pulls a container's image, as its script says; false: that does not come about. Rejects with the signal's reason. */
export async function pullImage(pull: Pull, signal: AbortSignal): Promise<boolean> {
  const { container, script, reporter, report } = pull;
  const { image } = container;
  const failure = pullFaultOf(script.fault, image);
  if (failure === null) {
    await pulled(pull, signal);
    return true;
  }
  const { reason, backOffReason, message, eventReason } = failure;
  for (let pauseMs = script.backOffMs; ; pauseMs = Math.min(pauseMs * 2, maxBackOffMs)) {
    if (backOffReason !== null)
      await reporter.event(['Normal', 'Pulling', `Pulling image "${image}"`], signal);
    const told = backOffReason === null ? message : `Failed to pull image "${image}": ${message}`;
    await reporter.event(['Warning', eventReason, told], signal);
    await reporter.event(['Warning', 'Failed', `Error: ${reason}`], signal);
    report.state = waiting(reason, message);
    await reporter.status(report, signal);
    if (backOffReason === null) return false;
    const again = `Back-off pulling image "${image}"`;
    await reporter.event(['Normal', 'BackOff', again], signal);
    await pause(pauseMs, undefined, { signal });
    report.state = waiting(backOffReason, `${again}: ${reason}: ${message}`);
    await reporter.status(report, signal);
    await pause(pauseMs, undefined, { signal });
  }
}

/** Pulls the image without a fault, and starts the container. */
export async function pulled({ container, script, reporter }: Pull, signal: AbortSignal): Promise<void> {
  const { image } = container;
  await reporter.event(['Normal', 'Pulling', `Pulling image "${image}"`], signal);
  const { pullMs } = script;
  await pause(pullMs, undefined, { signal });
  const took = pullMs < 1_000 ? `${pullMs}ms` : `${pullMs / 1_000}s`;
  const size = 'Image size: 4096 bytes.';
  const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). ${size}`;
  await reporter.event(['Normal', 'Pulled', message], signal);
  await reporter.event(['Normal', 'Created', 'Container created'], signal);
  await reporter.event(['Normal', 'Started', 'Container started'], signal);
}

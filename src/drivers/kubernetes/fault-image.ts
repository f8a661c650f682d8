import type { EventView } from './fault-events.ts';
import { joined, type Verdict, verdict } from './fault-verdict.ts';
import type { ContainerView } from './pod-container.ts';

/** The kubelet's reasons for an image that cannot be had (pkg/kubelet/images/types.go). */
const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'ErrImageNeverPull',
  'InvalidImageName',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/** No further attempt can turn out otherwise. */
const finalReasons = new Set(['ErrImageNeverPull', 'InvalidImageName']);

/** How registries, containerd, CRI-O and Docker say that it is not there, or not for us. */
const refusals =
  /not found|manifest unknown|name unknown|repository does not exist|access denied|unauthorized|authentication required|no basic auth credentials|insufficient_scope|requested access to the resource is denied|\bdenied\b|no match for platform|(?:status|code)[^.;]{0,60}\b40[13]\b|\b40[13] (?:unauthorized|forbidden)/i;

/** Rate limits are told in the same breath as missing credentials, but pass. */
const passing = /too ?many ?requests|\b429\b|rate limit/i;

/**
 * The verdict on a container that waits for its image, or null where it waits for something else. A pull that failed is
 * final when the registry says that there is no such image or that we may not have it.
 */
export function judgeImage(container: ContainerView, events: readonly EventView[]): Verdict | null {
  const { state, image } = container;
  if (state.is !== 'waiting' || !imageReasons.has(state.reason)) return null;
  const detail = detailOf(container, events);
  const isTerminal = finalReasons.has(state.reason) || isRefusal(detail, image);
  return verdict(joined(`image of container "${container.name}": ${state.reason}`, detail), {
    fault: 'image',
    isTerminal,
  });
}

/** Older kubelets say only `Back-off pulling image "x"`: the cause stands in the event of the pull. */
function detailOf({ name, state }: ContainerView, events: readonly EventView[]): string {
  if (state.is !== 'waiting') return '';
  if (!/^Back-off pulling image "[^"]*"$/.test(state.message)) return state.message;
  const pulls = events.filter(
    (event) =>
      event.reason === 'Failed' &&
      event.message.startsWith('Failed to pull image') &&
      (event.container === null || event.container === name),
  );
  return pulls.toSorted((a, b) => b.lastMs - a.lastMs)[0]?.message ?? state.message;
}

/** The names of images and URLs are no part of what is said: a repository may be called `not-found`. */
function isRefusal(message: string, image: string): boolean {
  const words = (image === '' ? message : message.replaceAll(image, ' '))
    .replaceAll(/"[^"]*"/g, ' ')
    .replaceAll(/https?:\/\/\S+/g, ' ');
  return !passing.test(words) && refusals.test(words);
}

import type { ScriptedFault } from './script.ts';

/** How a pull fails: the waiting reason that shows first, the one while it waits to try again, and the words. */
export interface PullFault {
  readonly reason: string;
  /** Null: it is not tried again. */
  readonly backOffReason: string | null;
  readonly message: string;
  readonly eventReason: string;
}

/** The words of containerd and of the kubelet (pkg/kubelet/images) for the faults of images; null for the others. */
export function pullFaultOf(fault: ScriptedFault | null, image: string): PullFault | null {
  const pulled = (code: string, tail: string): PullFault => ({
    reason: 'ErrImagePull',
    backOffReason: 'ImagePullBackOff',
    message: `rpc error: code = ${code} desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${tail}`,
    eventReason: 'Failed',
  });
  switch (fault) {
    case 'image-not-found':
      return pulled('NotFound', `${image}: not found`);
    case 'image-unauthorized':
      return pulled(
        'Unknown',
        'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      );
    case 'registry-down':
      return pulled(
        'Unknown',
        'failed to do request: Head "https://registry.example/v2/": dial tcp 192.0.2.1:443: connect: connection refused',
      );
    case 'invalid-image-name':
      return {
        reason: 'InvalidImageName',
        backOffReason: null,
        message: `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
        eventReason: 'InspectFailed',
      };
    case 'never-pull':
      return {
        reason: 'ErrImageNeverPull',
        backOffReason: null,
        message: `Container image "${image}" is not present with pull policy of Never`,
        eventReason: 'ErrImageNeverPull',
      };
    default:
      return null;
  }
}

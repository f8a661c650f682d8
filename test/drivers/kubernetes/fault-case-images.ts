import type { FaultCase } from './fault-case.ts';
import { pod, waiting } from './pod-fixtures.ts';

const image = (reason: string, message?: string) => pod({ mainStatus: { state: waiting(reason, message) } });

const pulling = (message: string) => `failed to pull and unpack image "ghcr.io/acme/llama:v1": ${message}`;

const ref = 'failed to resolve reference "ghcr.io/acme/llama:v1"';

/** In the words of containerd, CRI-O, Docker and registries. */
export const images: FaultCase[] = [
  {
    name: 'a name that is none',
    state: 'InvalidImageName',
    isTerminal: true,
    message:
      'Failed to apply default image tag "UPPER": couldn\'t parse image name "UPPER": invalid reference format: repository name (library/UPPER) must be lowercase',
  },
  {
    name: 'pull policy Never',
    state: 'ErrImageNeverPull',
    isTerminal: true,
    message: 'Container image "llama:dev" is not present with pull policy of Never',
  },
  {
    name: 'containerd: no such tag',
    state: 'ErrImagePull',
    isTerminal: true,
    message: `rpc error: code = NotFound desc = ${pulling(`${ref}: ghcr.io/acme/llama:v1: not found`)}`,
  },
  {
    name: 'back-off after no such tag',
    state: 'ImagePullBackOff',
    isTerminal: true,
    message: `Back-off pulling image "ghcr.io/acme/llama:v1": ErrImagePull: rpc error: code = NotFound desc = ${pulling(`${ref}: ghcr.io/acme/llama:v1: not found`)}`,
  },
  {
    name: 'Docker: manifest unknown',
    state: 'ErrImagePull',
    isTerminal: true,
    message:
      'rpc error: code = Unknown desc = Error response from daemon: manifest for acme/llama:v1 not found: manifest unknown: manifest unknown',
  },
  {
    name: 'Docker Hub: no such repository',
    state: 'ErrImagePull',
    isTerminal: true,
    message: `rpc error: code = Unknown desc = ${pulling(`${ref}: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`)}`,
  },
  {
    name: 'CRI-O: manifest unknown',
    state: 'ErrImagePull',
    isTerminal: true,
    message:
      'initializing source docker://quay.io/acme/llama:v1: reading manifest v1 in quay.io/acme/llama: manifest unknown',
  },
  {
    name: 'CRI-O: unauthorized',
    state: 'ErrImagePull',
    isTerminal: true,
    message:
      'unable to retrieve auth token: invalid username/password: unauthorized: authentication required',
  },
  {
    name: '401 from the registry',
    state: 'ErrImagePull',
    isTerminal: true,
    message: `rpc error: code = Unknown desc = ${pulling(`${ref}: failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x: 401 Unauthorized`)}`,
  },
  {
    name: '403 from the registry',
    state: 'ErrImagePull',
    isTerminal: true,
    message: `rpc error: code = Unknown desc = ${pulling(`${ref}: unexpected status from HEAD request to https://ghcr.io/v2/acme/llama/manifests/v1: 403 Forbidden`)}`,
  },
  {
    name: 'ECR without credentials',
    state: 'ErrImagePull',
    isTerminal: true,
    message: `rpc error: code = Unknown desc = ${pulling(`${ref}: pulling from host 1.dkr.ecr.eu-west-1.amazonaws.com failed with status code [manifests v1]: 401 Unauthorized: no basic auth credentials`)}`,
  },
  {
    name: 'another processor',
    state: 'ErrImagePull',
    isTerminal: true,
    message: `rpc error: code = NotFound desc = ${pulling('no match for platform in manifest: not found')}`,
  },
  {
    name: 'the rate limit of Docker Hub',
    state: 'ErrImagePull',
    isTerminal: false,
    message: `rpc error: code = Unknown desc = ${pulling('failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/x: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit.')}`,
  },
  {
    name: 'a registry that is down',
    state: 'ErrImagePull',
    isTerminal: false,
    message: `rpc error: code = Unknown desc = ${pulling(`${ref}: failed to do request: Head "https://ghcr.io/v2/": dial tcp 10.0.0.9:443: connect: connection refused`)}`,
  },
  {
    name: 'a registry whose name does not resolve',
    state: 'ImagePullBackOff',
    isTerminal: false,
    message: `Back-off pulling image "ghcr.io/acme/llama:v1": ErrImagePull: ${pulling(`${ref}: failed to do request: Head "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host`)}`,
  },
  {
    name: '503 from the registry',
    state: 'ErrImagePull',
    isTerminal: false,
    message: `rpc error: code = Unknown desc = ${pulling(`${ref}: unexpected status from HEAD request to https://ghcr.io/v2/: 503 Service Unavailable`)}`,
  },
  {
    name: 'a pull that makes no progress',
    state: 'ErrImagePull',
    isTerminal: false,
    message: `rpc error: code = Canceled desc = ${pulling('context canceled')}`,
  },
  {
    name: 'a repository that is called not-found',
    state: 'ErrImagePull',
    isTerminal: false,
    message:
      'rpc error: code = Unknown desc = failed to pull and unpack image "ghcr.io/acme/denied-not found:v403": i/o timeout',
  },
  {
    name: 'an unavailable registry',
    state: 'RegistryUnavailable',
    isTerminal: false,
    message: 'image pull failed for ghcr.io/acme/llama:v1 because the registry is unavailable.',
  },
  {
    name: 'a bad signature',
    state: 'SignatureValidationFailed',
    isTerminal: false,
    message: 'image pull failed for ghcr.io/acme/llama:v1 because the signature validation failed',
  },
].map(({ name, state, message, isTerminal }) => ({
  name: `image: ${name}`,
  pod: image(state, message),
  fault: 'image',
  isTerminal,
  says: `image of container "main": ${state}: ${message}`.slice(0, 400),
}));

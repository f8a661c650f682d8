import { describe, expect, it } from 'vitest';
import { judgePod } from '../../../src/drivers/kubernetes/fault-judge.ts';
import type { PodView } from '../../../src/drivers/kubernetes/pod-view.ts';
import { at, event, exited, pod, startMs, unscheduled, waiting } from './pod-fixtures.ts';

const times = { nowMs: startMs + 30_000, unschedulableSinceMs: startMs, capacityTimeoutMs: 120_000 };

interface Case {
  readonly name: string;
  readonly pod: PodView;
  readonly events?: ReturnType<typeof event>[];
  readonly fault?: string;
  readonly isTerminal: boolean;
  readonly says: string;
}

const image = (reason: string, message?: string) => pod({ mainStatus: { state: waiting(reason, message) } });
const pulling = (message: string) => `failed to pull and unpack image "ghcr.io/acme/llama:v1": ${message}`;
const ref = 'failed to resolve reference "ghcr.io/acme/llama:v1"';
const failed = (reason: string, message: string) =>
  pod({ status: { phase: 'Failed', reason, message, containerStatuses: [] } });
const loop = (restartCount: number, parts: Record<string, unknown> = {}) =>
  pod({
    status: { phase: 'Running' },
    mainStatus: {
      restartCount,
      state: waiting(
        'CrashLoopBackOff',
        'back-off 10s restarting failed container=main pod=llama-7d9c5b8f6-x2x7k_llm(uid-1)',
      ),
      lastState: exited(1, parts),
    },
  });
const disrupted = (reason: string, message: string, parts = {}) =>
  pod({
    status: {
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message }],
    },
    ...parts,
  });

const placement: Case[] = [
  {
    name: 'no node has a GPU left',
    pod: unscheduled(
      '0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.',
    ),
    fault: 'unschedulable',
    isTerminal: false,
    says: 'unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.',
  },
  {
    name: 'taints',
    pod: unscheduled(
      "0/5 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 4 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.",
    ),
    fault: 'unschedulable',
    isTerminal: false,
    says: "unschedulable: 0/5 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 4 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: 'no nodes at all',
    pod: unscheduled('no nodes available to schedule pods'),
    fault: 'unschedulable',
    isTerminal: false,
    says: 'unschedulable: no nodes available to schedule pods',
  },
  {
    name: 'the cluster autoscaler cannot help',
    pod: unscheduled('0/2 nodes are available: 2 Insufficient nvidia.com/gpu.'),
    events: [
      event('NotTriggerScaleUp', "pod didn't trigger scale-up: 2 max node group size reached", {
        type: 'Normal',
      }),
    ],
    fault: 'unschedulable',
    isTerminal: false,
    says: "unschedulable: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu. (pod didn't trigger scale-up: 2 max node group size reached)",
  },
  {
    name: 'the cluster autoscaler adds a node',
    pod: unscheduled('0/2 nodes are available: 2 Insufficient nvidia.com/gpu.'),
    events: [
      event('NotTriggerScaleUp', "pod didn't trigger scale-up: 1 in backoff", { type: 'Normal' }),
      event('TriggeredScaleUp', 'pod triggered scale-up: [{gpu-pool 0->1 (max: 4)}]', {
        type: 'Normal',
        lastTimestamp: at(9),
      }),
    ],
    fault: 'unschedulable',
    isTerminal: false,
    says: 'unschedulable: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu. (a node is being added)',
  },
  {
    name: 'the scheduler itself fails',
    pod: unscheduled('running "VolumeBinding" filter plugin: timed out', 'SchedulerError'),
    fault: 'unschedulable',
    isTerminal: false,
    says: 'unschedulable: running "VolumeBinding" filter plugin: timed out',
  },
  {
    name: 'a claim that does not exist',
    pod: unscheduled(
      '0/3 nodes are available: persistentvolumeclaim "weights" not found. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod..',
    ),
    fault: 'missing',
    isTerminal: true,
    says: '0/3 nodes are available: persistentvolumeclaim "weights" not found.',
  },
  {
    name: 'a claim that is not bound yet',
    pod: unscheduled('0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.'),
    fault: 'volume',
    isTerminal: false,
    says: '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
  },
  {
    name: 'a gate of Kueue',
    pod: pod({
      spec: { schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }] },
      status: {
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'SchedulingGated',
            message: 'Scheduling is blocked due to non-empty scheduling gates',
          },
        ],
      },
    }),
    fault: 'gated',
    isTerminal: false,
    says: 'held back before scheduling by kueue.x-k8s.io/admission',
  },
];

const takenAway: Case[] = [
  {
    name: 'preempted by the scheduler',
    pod: disrupted(
      'PreemptionByScheduler',
      'default-scheduler: preempting to accommodate a higher priority pod',
      {
        metadata: { deletionTimestamp: at(20) },
      },
    ),
    fault: 'preempted',
    isTerminal: false,
    says: 'preempted: default-scheduler: preempting to accommodate a higher priority pod',
  },
  {
    name: 'preempted by the kubelet',
    pod: failed('Preempting', 'Preempted in order to admit critical pod'),
    fault: 'preempted',
    isTerminal: false,
    says: 'preempted: Preempted in order to admit critical pod',
  },
  {
    name: 'evicted for want of disk',
    pod: failed(
      'Evicted',
      'The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 2Gi. ',
    ),
    isTerminal: false,
    says: 'evicted: The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 2Gi.',
  },
  {
    name: 'evicted without anybody who replaces it',
    pod: pod({
      metadata: { ownerReferences: [] },
      status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
    }),
    isTerminal: true,
    says: 'evicted: The node was low on resource: memory.',
  },
  {
    name: 'its node is gone',
    pod: disrupted('DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint'),
    isTerminal: false,
    says: 'evicted: Taint manager: deleting due to NoExecute taint',
  },
];

const refused: Case[] = [
  [
    'UnexpectedAdmissionError',
    'Pod was rejected: Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected',
  ],
  ['UnexpectedAdmissionError', 'Pod Allocate failed due to no healthy devices present, which is unexpected'],
  [
    'OutOfcpu',
    "Pod was rejected: Node didn't have enough resource: cpu, requested: 500000, used: 100, capacity: 24000",
  ],
  [
    'OutOfnvidia.com/gpu',
    "Node didn't have enough resource: nvidia.com/gpu, requested: 1, used: 8, capacity: 8",
  ],
  [
    'OutOfpods',
    "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110",
  ],
  ['NodeAffinity', 'Pod was rejected: Predicate NodeAffinity failed'],
  ['TopologyAffinityError', 'Pod was rejected: Resources cannot be allocated with Topology locality'],
  ['Evicted', 'Pod was rejected: The node had condition: [DiskPressure]. '],
  ['NodeShutdown', 'Pod was rejected as the node is shutting down.'],
].map(([reason = '', message = '']) => ({
  name: `refused: ${message.slice(0, 60)}`,
  pod: failed(reason, message),
  fault: 'admission',
  isTerminal: true,
  says: `${reason}: ${message.trim()}`,
}));

const images: Case[] = [
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

const containers: Case[] = [
  {
    name: 'the first exit',
    pod: loop(0, { message: 'RuntimeError: CUDA out of memory' }),
    fault: 'crash_loop',
    isTerminal: false,
    says: 'container "main" exited: exit code 1: RuntimeError: CUDA out of memory',
  },
  {
    name: 'the second exit, with the last line of the log',
    pod: loop(1, {
      message: 'Traceback (most recent call last):\n  File "a.py"\nValueError: no such model\n',
    }),
    fault: 'crash_loop',
    isTerminal: true,
    says: 'container "main" exits again and again: exit code 1: ValueError: no such model',
  },
  {
    name: 'the third run after two exits',
    pod: pod({
      mainStatus: { restartCount: 2, state: { running: { startedAt: at(30) } }, lastState: exited(2) },
    }),
    fault: 'crash_loop',
    isTerminal: true,
    says: 'container "main" exits again and again: exit code 2',
  },
  {
    name: 'the second run after one exit',
    pod: pod({
      mainStatus: { restartCount: 1, state: { running: { startedAt: at(5) } }, lastState: exited(1) },
    }),
    fault: 'crash_loop',
    isTerminal: false,
    says: 'container "main" exited: exit code 1',
  },
  {
    name: 'the second exit before its back-off',
    pod: pod({ mainStatus: { restartCount: 1, state: exited(139, { signal: 11 }) } }),
    fault: 'crash_loop',
    isTerminal: true,
    says: 'container "main" exits again and again: signal 11',
  },
  {
    name: 'a command that does not exist',
    pod: loop(1, {
      exitCode: 128,
      reason: 'StartError',
      message:
        'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "vllm": executable file not found in $PATH: unknown',
    }),
    fault: 'crash_loop',
    isTerminal: true,
    says: 'container "main" exits again and again: StartError, exit code 128: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "vllm": executable file not found in $PATH: unknown',
  },
  {
    name: 'out of memory once',
    pod: loop(0, { exitCode: 137, reason: 'OOMKilled' }),
    fault: 'oom_killed',
    isTerminal: false,
    says: 'container "main" exited: OOMKilled, exit code 137',
  },
  {
    name: 'out of memory twice',
    pod: loop(1, { exitCode: 137, reason: 'OOMKilled' }),
    fault: 'oom_killed',
    isTerminal: true,
    says: 'container "main" exits again and again: OOMKilled, exit code 137',
  },
  ...[
    ['secret "hf-token" not found', 'missing', true],
    ['configmap "llama-config" not found', 'missing', true],
    ["couldn't find key HF_TOKEN in Secret llm/hf-token", 'missing', true],
    [
      'container has runAsNonRoot and image will run as root (pod: "llama_llm(uid-1)", container: main)',
      'admission',
      true,
    ],
    ['failed to sync secret cache: timed out waiting for the condition', undefined, false],
  ].map(([message, fault, isTerminal]) => ({
    name: `configuration: ${message}`,
    pod: image('CreateContainerConfigError', message as string),
    ...(fault === undefined ? {} : { fault: fault as string }),
    isTerminal: isTerminal as boolean,
    says: `container "main": CreateContainerConfigError: ${message}`,
  })),
  ...['CreateContainerError', 'RunContainerError', 'PostStartHookError'].map((reason) => ({
    name: reason,
    pod: image(reason, 'context deadline exceeded'),
    isTerminal: false,
    says: `container "main": ${reason}: context deadline exceeded`,
  })),
  {
    name: 'an init container that crashes',
    pod: pod({
      spec: { initContainers: [{ name: 'weights', image: 'rclone' }] },
      status: {
        initContainerStatuses: [
          {
            name: 'weights',
            restartCount: 1,
            state: waiting('CrashLoopBackOff'),
            lastState: exited(3, { message: 'AccessDenied: s3://models' }),
          },
        ],
      },
    }),
    fault: 'crash_loop',
    isTerminal: true,
    says: 'init container "weights" exits again and again: exit code 3: AccessDenied: s3://models',
  },
  {
    name: 'a container that ended for good',
    pod: pod({ status: { phase: 'Failed' }, mainStatus: { state: exited(1, { message: 'no GPU' }) } }),
    fault: 'crash_loop',
    isTerminal: true,
    says: 'container "main" exited: exit code 1: no GPU',
  },
  {
    name: 'a pod past its deadline',
    pod: failed('DeadlineExceeded', 'Pod was active on the node longer than the specified deadline'),
    isTerminal: true,
    says: 'DeadlineExceeded: Pod was active on the node longer than the specified deadline',
  },
];

const timedOut =
  'Unable to attach or mount volumes: unmounted volumes=[weights], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition';
const multiAttach =
  'Multi-Attach error for volume "pvc-feef0ae4" Volume is already used by pod(s) llama-6fc49ccf9d-c8f97';
const setups: Case[] = (
  [
    ['FailedAttachVolume', multiAttach, 'volume', false],
    [
      'FailedAttachVolume',
      'AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = Internal desc = disk busy',
      'volume',
      false,
    ],
    [
      'FailedMount',
      'MountVolume.SetUp failed for volume "weights" : mount failed: exit status 32',
      'volume',
      false,
    ],
    ['FailedMount', timedOut, 'volume', false],
    [
      'FailedMount',
      'MountVolume.SetUp failed for volume "tls" : secret "llama-tls" not found',
      'missing',
      true,
    ],
    [
      'FailedMount',
      'MountVolume.SetUp failed for volume "conf" : references non-existent config key: a.yaml',
      'missing',
      true,
    ],
    [
      'FailedMount',
      'MountVolume.SetUp failed for volume "kube-api-access-x" : configmap "kube-root-ca.crt" not found',
      'volume',
      false,
    ],
    [
      'FailedMount',
      'MountVolume.SetUp failed for volume "conf" : object "llm"/"conf" not registered',
      'volume',
      false,
    ],
    [
      'FailedCreatePodSandBox',
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "nvidia" is configured',
      undefined,
      false,
    ],
  ] as const
).map(([reason, message, fault, isTerminal]) => ({
  name: `${reason}: ${message.slice(0, 70)}`,
  pod: pod(),
  events: [event(reason, message)],
  ...(fault === undefined ? {} : { fault }),
  isTerminal,
  says: `${reason}: ${message}`,
}));

describe('judge of pods', () => {
  it.each([...placement, ...takenAway, ...refused, ...images, ...containers, ...setups])(
    'tells $name',
    ({ pod: view, events = [], fault, isTerminal, says }) => {
      const verdict = judgePod(view, events, times);
      expect(verdict).toMatchObject({ isTerminal });
      expect(verdict.fault).toBe(fault);
      expect(verdict.reason?.replace(/…$/, '')).toBe(says);
    },
  );

  it('gives up an unschedulable pod when the capacity time-out has passed, and says when that is', () => {
    const view = unscheduled('0/1 nodes are available: 1 Insufficient nvidia.com/gpu.');
    expect(judgePod(view, [], times)).toMatchObject({ isTerminal: false, dueInMs: 90_000 });
    const later = { ...times, nowMs: startMs + 120_000 };
    expect(judgePod(view, [], later)).toMatchObject({ isTerminal: true, dueInMs: null });
  });

  it('gives it up at once with a time-out of 0, and counts from now where it was not seen before', () => {
    const view = unscheduled('0/1 nodes are available: 1 Insufficient nvidia.com/gpu.');
    const first = { ...times, unschedulableSinceMs: null };
    expect(judgePod(view, [], { ...first, capacityTimeoutMs: 0 })).toMatchObject({ isTerminal: true });
    expect(judgePod(view, [], first)).toMatchObject({ isTerminal: false, dueInMs: 120_000 });
  });

  it('leaves ten seconds to whoever takes the gates away, whatever the time-out', () => {
    const view = pod({ spec: { schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }] } });
    const judge = (afterMs: number) =>
      judgePod(view, [], { nowMs: startMs + afterMs, unschedulableSinceMs: startMs, capacityTimeoutMs: 0 });
    expect(judge(9_000)).toMatchObject({ isTerminal: false, dueInMs: 1_000 });
    expect(judge(10_000)).toMatchObject({ isTerminal: true, fault: 'gated' });
  });

  it('says nothing of a ready pod, whatever was the matter before', () => {
    const view = pod({
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      mainStatus: { restartCount: 7, ready: true, state: { running: {} }, lastState: exited(1) },
    });
    expect(judgePod(view, [], times)).toEqual({ isTerminal: false, dueInMs: null });
  });

  it('says nothing of a pod that is on its way, nor of one that was asked to end', () => {
    const nothing = { isTerminal: false, dueInMs: null };
    expect(judgePod(pod(), [], times)).toEqual(nothing);
    expect(judgePod(pod({ mainStatus: { state: { running: {} } } }), [], times)).toEqual(nothing);
    const ending = pod({
      metadata: { deletionTimestamp: at(9) },
      mainStatus: { restartCount: 4, state: exited(1) },
    });
    expect(judgePod(ending, [], times)).toEqual(nothing);
  });

  it('takes the cause of a pull that backs off from its event where the status holds none', () => {
    const view = image('ImagePullBackOff', 'Back-off pulling image "acme/llama:v1"');
    const failure = event(
      'Failed',
      'Failed to pull image "acme/llama:v1": rpc error: code = NotFound desc = acme/llama:v1: not found',
      { involvedObject: { fieldPath: 'spec.containers{main}' } },
    );
    expect(judgePod(view, [], times)).toMatchObject({ isTerminal: false, fault: 'image' });
    expect(judgePod(view, [failure], times)).toMatchObject({ isTerminal: true, fault: 'image' });
  });

  it('takes the exit of a pod that was ready for the first one, however often it had exited before', () => {
    const crashed = (startedS: number) =>
      pod({
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(5_000) }],
        },
        mainStatus: {
          restartCount: 6,
          state: waiting('CrashLoopBackOff'),
          lastState: exited(1, { startedAt: at(startedS), finishedAt: at(startedS + 3) }),
        },
      });
    expect(judgePod(crashed(100), [], times)).toMatchObject({ isTerminal: false, fault: 'crash_loop' });
    expect(judgePod(crashed(5_001), [], times)).toMatchObject({ isTerminal: true, fault: 'crash_loop' });
  });

  it('does not blame an init container that has done its part', () => {
    const view = pod({
      spec: { initContainers: [{ name: 'weights' }] },
      status: {
        initContainerStatuses: [{ name: 'weights', restartCount: 3, state: exited(0), lastState: exited(1) }],
      },
      mainStatus: { state: { running: {} } },
    });
    expect(judgePod(view, [], times).reason).toBeUndefined();
  });

  it('tells the container whose start has failed before one that may still come on', () => {
    const view = pod({
      spec: { containers: [{ name: 'main' }, { name: 'helper' }] },
      status: {
        containerStatuses: [
          { name: 'main', restartCount: 0, state: exited(1) },
          { name: 'helper', restartCount: 0, state: waiting('ErrImageNeverPull', 'not present') },
        ],
      },
    });
    expect(judgePod(view, [], times)).toMatchObject({ fault: 'image', isTerminal: true });
  });

  it('names the cause rather than the sum of what is not mounted, and forgets a volume that was attached', () => {
    const sum = event('FailedMount', timedOut, { lastTimestamp: at(120) });
    const cause = event('FailedAttachVolume', multiAttach, { lastTimestamp: at(3) });
    const attached = event('SuccessfulAttachVolume', 'AttachVolume.Attach succeeded', {
      type: 'Normal',
      lastTimestamp: at(60),
    });
    expect(judgePod(pod(), [sum, cause], times).reason).toContain('Multi-Attach');
    expect(judgePod(pod(), [cause, attached], times).reason).toBeUndefined();
  });

  it('forgets volumes and network once they are there, and what was told of another pod', () => {
    const failure = event('FailedMount', 'MountVolume.SetUp failed for volume "weights" : busy');
    const mounted = pod({ status: { conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }] } });
    expect(judgePod(mounted, [failure], times).reason).toBeUndefined();
    const others = event('FailedMount', 'busy', { involvedObject: { uid: 'uid-2' } });
    expect(judgePod(pod(), [others], times).reason).toBeUndefined();
  });
});

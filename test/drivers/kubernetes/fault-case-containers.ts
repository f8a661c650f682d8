import type { FaultCase } from './fault-case.ts';
import { at, event, exited, pod, waiting } from './pod-fixtures.ts';

const image = (reason: string, message?: string) => pod({ mainStatus: { state: waiting(reason, message) } });

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

/** Of what containers do. */
export const containers: FaultCase[] = [
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

export const timedOut =
  'Unable to attach or mount volumes: unmounted volumes=[weights], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition';
export const multiAttach =
  'Multi-Attach error for volume "pvc-feef0ae4" Volume is already used by pod(s) llama-6fc49ccf9d-c8f97';
/** In the words of the kubelet and of the attach controller. */
export const setups: FaultCase[] = (
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

import type { FaultCase } from './fault-case.ts';
import { at, event, pod, unscheduled } from './pod-fixtures.ts';

const failed = (reason: string, message: string) =>
  pod({ status: { phase: 'Failed', reason, message, containerStatuses: [] } });

const disrupted = (reason: string, message: string, parts = {}) =>
  pod({
    status: {
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message }],
    },
    ...parts,
  });

/** In the words of the scheduler, and of the cluster autoscaler. */
export const placement: FaultCase[] = [
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

/** By whom a pod is taken away. */
export const takenAway: FaultCase[] = [
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

/** In the words of the kubelet. */
export const refused: FaultCase[] = [
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

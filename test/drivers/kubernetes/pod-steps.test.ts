import { describe, expect, it } from 'vitest';
import { stepsOf } from '../../../src/drivers/kubernetes/pod-steps.ts';
import { event, exited, pod, unscheduled, waiting } from './pod-fixtures.ts';

const ofMain = { type: 'Normal', involvedObject: { fieldPath: 'spec.containers{main}' } };
const pulling = event('Pulling', 'Pulling image "vllm/vllm-openai:v0.9.1"', ofMain);
const pulled = event('Pulled', 'Successfully pulled image "vllm/vllm-openai:v0.9.1" in 4m2s', ofMain);
const withSandbox = { status: { conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }] } };

describe('steps of a start', () => {
  it('begin with the pod, then its node', () => {
    expect(stepsOf(unscheduled('0/1 nodes are available'), [])).toEqual(['pod created']);
    expect(stepsOf(pod(), [])).toEqual(['pod created', 'scheduled']);
  });

  it('take volumes for attached when its network is there, or its image is asked for', () => {
    expect(stepsOf(pod(withSandbox), [])).toEqual(['pod created', 'scheduled', 'volumes attached']);
    expect(stepsOf(pod(), [pulling])).toEqual([
      'pod created',
      'scheduled',
      'volumes attached',
      'image pulling',
    ]);
  });

  it('tell of the image by events', () => {
    expect(stepsOf(pod(), [pulling, pulled])).toEqual([
      'pod created',
      'scheduled',
      'volumes attached',
      'image pulling',
      'image pulled',
    ]);
  });

  it('leave out the pull of an image that was on the node', () => {
    const present = event('Pulled', 'Container image "x" already present on machine', ofMain);
    expect(stepsOf(pod(), [present])).not.toContain('image pulling');
    expect(stepsOf(pod(), [present])).toContain('image pulled');
  });

  it('do without events: a pull that fails and a container that runs say enough', () => {
    expect(stepsOf(pod({ mainStatus: { state: waiting('ErrImagePull', 'no') } }), [])).toEqual([
      'pod created',
      'scheduled',
      'volumes attached',
      'image pulling',
    ]);
    expect(stepsOf(pod({ mainStatus: { state: { running: {} } } }), [])).toEqual([
      'pod created',
      'scheduled',
      'volumes attached',
      'image pulled',
      'container started',
    ]);
  });

  it('wait for every container, and for the images of all', () => {
    const two = (second: Record<string, unknown>) =>
      pod({
        spec: { containers: [{ name: 'main' }, { name: 'helper' }] },
        status: {
          containerStatuses: [
            { name: 'main', state: { running: {} } },
            { name: 'helper', ...second },
          ],
        },
      });
    expect(stepsOf(two({ state: waiting('ContainerCreating') }), [pulled])).toEqual([
      'pod created',
      'scheduled',
      'volumes attached',
    ]);
    expect(stepsOf(two({ state: { running: {} } }), []).at(-1)).toBe('container started');
  });

  it('tell when the init containers have done their part, sidecars aside', () => {
    const withInit = (initialized: string, init: Record<string, unknown>) =>
      pod({
        spec: { initContainers: [{ name: 'weights' }, { name: 'istio-proxy', restartPolicy: 'Always' }] },
        status: {
          conditions: [{ type: 'Initialized', status: initialized }],
          initContainerStatuses: [{ name: 'weights', state: init }],
        },
      });
    const running = ['pod created', 'scheduled', 'volumes attached', 'image pulled'];
    expect(stepsOf(withInit('False', { running: {} }), [])).toEqual(running);
    expect(stepsOf(withInit('True', exited(0)), [])).toEqual([...running, 'init containers']);
  });

  it('are never taken back by what is seen later', () => {
    const begun = ['pod created', 'scheduled', 'volumes attached', 'image pulled', 'container started'];
    const crashed = pod({
      mainStatus: { restartCount: 1, state: waiting('CrashLoopBackOff'), lastState: exited(1) },
    });
    expect(stepsOf(crashed, [])).toEqual(begun);
  });

  it('look only at events of this pod', () => {
    const others = event('Pulling', 'x', { involvedObject: { uid: 'uid-2' } });
    expect(stepsOf(pod(), [others])).toEqual(['pod created', 'scheduled']);
  });
});

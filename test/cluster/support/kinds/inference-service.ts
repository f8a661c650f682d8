import { deployment } from '../cluster.ts';
import { playController } from './played-controller.ts';

/** Modes in which KServe makes a Deployment of its own; the second is the older name of the first. */
const standardModes = ['Standard', 'RawDeployment'];

/**
 * Plays KServe in a namespace: an InferenceService in Standard mode gets the Deployment and the Service NAME-predictor,
 * once, with 0 replicas; what becomes of the count is left to others (autoscalerClass external). Returns what ends it.
 */
export function playInferenceServices(namespace: string): Promise<() => Promise<void>> {
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;
  return playController([path], async (hands) => {
    for (const { metadata } of await hands.list(path)) {
      if (!standardModes.includes(metadata.annotations?.['serving.kserve.io/deploymentMode'] ?? '')) continue;
      const [predictor, service] = deployment({ name: `${metadata.name}-predictor`, gpus: 0 });
      await hands.create(`/apis/apps/v1/namespaces/${namespace}/deployments`, predictor!);
      await hands.create(`/api/v1/namespaces/${namespace}/services`, service!);
    }
  });
}

import { describeDriver } from '../../conformance/driver.ts';
import { KubeWorkload } from '../../support/kube-workload.ts';

describeDriver('kubernetes', async () => {
  const workload = await KubeWorkload.start();
  return {
    driver: workload.driver,
    target: workload.target,
    runningFor: (desired) => desired,
    isOwner: false,
    lose: async (replicaId: string) => workload.lose(replicaId),
    dispose: () => workload.close(),
  };
});

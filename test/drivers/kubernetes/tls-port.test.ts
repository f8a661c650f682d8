import { describe, expect, it } from 'vitest';
import { projectPod } from '../../../src/drivers/kubernetes/pod-view.ts';
import { tlsCondition } from '../../../src/drivers/kubernetes/tls-port.ts';
import { kubernetesBackend } from '../../support/kube-workload.ts';

const probed = (scheme: string, port: number | string, containerPort = 8443) =>
  projectPod({
    metadata: { name: 'web-0', namespace: 'llm', uid: 'u-1' },
    spec: {
      containers: [
        {
          name: 'main',
          ports: [{ name: 'https', containerPort }],
          readinessProbe: { httpGet: { path: '/health', port, scheme } },
        },
      ],
    },
  })!;

describe('a port that speaks TLS', () => {
  it('is told of by the HTTPS probe that asks it, by number or name', () => {
    for (const port of [8443, 'https']) {
      const condition = tlsCondition([probed('HTTPS', port)], kubernetesBackend());
      expect(condition?.type).toBe('PortSpeaksTls');
      expect(condition?.message).toContain('speak TLS at port 8443');
    }
  });

  it('is none where the probe is plain, or asks another port than requests go to', () => {
    expect(tlsCondition([], kubernetesBackend())).toBeNull();
    expect(tlsCondition([probed('HTTP', 8443)], kubernetesBackend())).toBeNull();
    expect(tlsCondition([probed('HTTPS', 9443)], kubernetesBackend())).toBeNull();
    expect(tlsCondition([probed('HTTPS', 8443)], kubernetesBackend({ port: 8000 }))).toBeNull();
  });
});

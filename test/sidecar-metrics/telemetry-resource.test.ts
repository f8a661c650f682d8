import { describe, expect, it } from 'vitest';
import { resourceOf } from '../../src/sidecar/telemetry-resource.ts';

const identity = {
  namespace: 'default',
  service: 'svc',
  configuration: 'conf',
  revision: 'conf-00001',
  pod: 'pod-1',
  podIp: '10.0.0.1',
};
const nobody = { namespace: '', service: '', configuration: '', revision: '', pod: '', podIp: '' };

describe('the resource', () => {
  it('has the attributes that queue-proxy gives of itself', () => {
    expect(resourceOf({ identity, version: '1.2.3', environment: {} })).toEqual({
      'container.name': 'queue-proxy',
      'k8s.namespace.name': 'default',
      'k8s.pod.name': 'pod-1',
      'kn.configuration.name': 'conf',
      'kn.revision.name': 'conf-00001',
      'kn.service.name': 'svc',
      'service.instance.id': 'pod-1',
      'service.name': 'svc',
      'service.version': '1.2.3',
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'pilotlight',
      'telemetry.sdk.version': '1.2.3',
    });
  });

  it('is named by OTEL_SERVICE_NAME, else by the first that is known of the service, configuration, revision and pod', () => {
    const nameOf = (own: object, environment = {}) =>
      resourceOf({ identity: { ...identity, ...own }, version: '1', environment })['service.name'];
    expect(nameOf({}, { OTEL_SERVICE_NAME: 'mine' })).toBe('mine');
    expect(nameOf({ service: '' })).toBe('conf');
    expect(nameOf({ service: '', configuration: '' })).toBe('conf-00001');
    expect(nameOf({ service: '', configuration: '', revision: '' })).toBe('pod-1');
  });

  it('leaves out what plain mode does not know, and takes OTEL_RESOURCE_ATTRIBUTES beside its own', () => {
    const environment = {
      OTEL_RESOURCE_ATTRIBUTES: 'team=a%20b, zone = eu ,broken,service.version=7,half=100%',
    };
    expect(resourceOf({ identity: nobody, version: '1', environment })).toEqual({
      team: 'a b',
      zone: 'eu',
      half: '100%',
      'container.name': 'queue-proxy',
      'service.name': 'pilotlight',
      'service.version': '1',
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'pilotlight',
      'telemetry.sdk.version': '1',
    });
  });
});

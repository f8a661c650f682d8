import type { FlatHeaders } from '../forward/headers.ts';

/** Of a request's fields, those that decide something here; the first value of each, empty where it is not there. */
export class RequestFacts {
  userAgent = '';
  /** K-Network-Probe */
  networkProbe = '';
  /** K-Network-Hash */
  networkHash = '';
  /** K-Kubelet-Probe */
  kubeletProbe = '';
  /** K-Proxy-Request */
  proxy = '';
  /** K-Original-Host */
  originalHost = '';
  forwarded = '';
  /** The first X-Forwarded-For. */
  forwardedFor = '';
  /** All of them with commas between. */
  forwardedForAll = '';
  forwardedHost = '';
  forwardedProto = '';

  /** It asks how this pod is: answered here, whatever its path (knative.dev/networking, header.go). */
  get isHealthCheck(): boolean {
    const { userAgent } = this;
    return (
      userAgent.startsWith('kube-probe/') ||
      userAgent.startsWith('Knative-Activator-Probe') ||
      userAgent.startsWith('Knative-Autoscaling-Probe')
    );
  }

  /** It probes the network on the way here: answered here. */
  get isNetworkProbe(): boolean {
    return this.networkProbe === 'probe';
  }

  /** A probe for the app itself: past the gate and the statistics (the original's ProxyHandler). */
  get isKubeletProbe(): boolean {
    return this.kubeletProbe !== '';
  }

  /** What the request log and the metrics take for a probe (netheader.IsProbe). */
  get isProbe(): boolean {
    return this.networkProbe !== '' || this.isKubeletProbe || this.userAgent.startsWith('kube-probe/');
  }

  /** It came through the activator. */
  get isProxied(): boolean {
    return this.proxy === 'activator';
  }
}

/** Reads the fields once. Names are in lower case; they are told apart by their length first, which most do not share. */
export function readFacts(fields: FlatHeaders): RequestFacts {
  const facts = new RequestFacts();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    switch (name.length) {
      case 9:
        if (name === 'forwarded') facts.forwarded ||= fields[i + 1]!;
        break;
      case 10:
        if (name === 'user-agent') facts.userAgent ||= fields[i + 1]!;
        break;
      case 14:
        if (name === 'k-network-hash') facts.networkHash ||= fields[i + 1]!;
        break;
      case 15:
        readOfFifteen(facts, name, fields[i + 1]!);
        break;
      case 16:
        if (name === 'x-forwarded-host') facts.forwardedHost ||= fields[i + 1]!;
        break;
      case 17:
        if (name === 'x-forwarded-proto') facts.forwardedProto ||= fields[i + 1]!;
        break;
    }
  }
  return facts;
}

function readOfFifteen(facts: RequestFacts, name: string, value: string): void {
  if (name === 'x-forwarded-for') {
    facts.forwardedForAll = facts.forwardedForAll === '' ? value : `${facts.forwardedForAll}, ${value}`;
    facts.forwardedFor ||= value;
  } else if (name === 'k-network-probe') facts.networkProbe ||= value;
  else if (name === 'k-original-host') facts.originalHost ||= value;
  else if (name === 'k-proxy-request') facts.proxy ||= value;
  else if (name === 'k-kubelet-probe') facts.kubeletProbe ||= value;
}

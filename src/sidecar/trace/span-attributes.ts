import type { Attributes } from '@opentelemetry/api';
import { fieldOf, type LaneHead } from '../../relay/traffic.ts';
import { methodLabel, routeTag, serverLabels, versionLabel } from '../metrics/http-labels.ts';
import { plainAddress } from '../outbound-fields.ts';
import { pathOf } from '../scrape-answers.ts';

/** What the server's span says when it begins (OpenTelemetry's conventions for HTTP, as otelhttp of Go keeps them). */
export function serverAttributes(head: LaneHead): Attributes {
  const { peer, fields, method } = head;
  const { host, port } = serverLabels(head.authority, peer.isTls);
  const address = plainAddress(peer.address);
  const [forwardedFor = ''] = (fieldOf(fields, 'x-forwarded-for') ?? '').split(',');
  return {
    'server.address': host,
    ...methodAttributes(method),
    'url.scheme': peer.isTls ? 'https' : 'http',
    ...(port === '' ? {} : { 'server.port': Number(port) }),
    'network.peer.address': address,
    'network.peer.port': peer.port,
    ...textAttribute('user_agent.original', fieldOf(fields, 'user-agent')),
    'client.address': forwardedFor || address,
    'url.path': pathOf(head.target),
    'network.protocol.version': versionLabel(head.version),
    'kn.route.tag': routeTag(fields),
  };
}

/** What the client's span says of a request to the app when it begins. */
export function clientAttributes(head: LaneHead, app: { host: string; port: number }): Attributes {
  const host = app.host.includes(':') ? `[${app.host}]` : app.host;
  return {
    ...methodAttributes(head.method),
    'url.full': `http://${host}:${app.port}${head.target}`,
    'server.address': app.host,
    'server.port': app.port,
    'network.protocol.version': versionLabel(head.version),
  };
}

function methodAttributes(method: string): Attributes {
  const label = methodLabel(method);
  const known = { 'http.request.method': label };
  return label === method ? known : { ...known, 'http.request.method_original': method };
}

function textAttribute(name: string, value: string | undefined): Attributes {
  return value ? { [name]: value } : {};
}

import { readFileSync } from 'node:fs';

/** A request of a service account, as the API server tells of it. */
export interface AuditedRequest {
  readonly verb: string;
  /** '' for the core group. */
  readonly group: string;
  /** With its subresource: `deployments/scale`; '' for a path that is none of a resource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  /** HTTP status. */
  readonly status: number;
  /** When it came, milliseconds since the epoch. */
  readonly atMs: number;
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
}

/** What an account has asked for, in order; a watch is one request, however long it lasts. */
export function requestsOf(namespace: string, account: string): AuditedRequest[] {
  const file = process.env.AUDIT_LOG;
  if (file === undefined) throw new Error('AUDIT_LOG is not set: run npm run test:cluster');
  const user = `system:serviceaccount:${namespace}:${account}`;
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last one may be half written.
  const events = lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent);
  const own = events.filter(({ user: { username } }) => username === user);
  const byId = new Map(own.map((event) => [event.auditID, requestOf(event)]));
  return [...byId.values()];
}

function requestOf({
  verb,
  requestURI,
  objectRef = {},
  responseStatus,
  ...event
}: AuditEvent): AuditedRequest {
  const { apiGroup = '', resource = '', subresource, namespace = '', name = '' } = objectRef;
  return {
    verb,
    group: apiGroup,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    path: requestURI,
    status: responseStatus?.code ?? 0,
    atMs: Date.parse(event.requestReceivedTimestamp),
  };
}

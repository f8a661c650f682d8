/** What X-Forwarded-* say, each empty where it is not there. */
export interface ForwardedParts {
  readonly forwardedFor: string;
  readonly forwardedHost: string;
  readonly forwardedProto: string;
}

/**
 * `Forwarded` (RFC 7239) out of the X-Forwarded fields, to the letter of the original (serving/pkg/queue/forwarded_shim.go);
 * empty where there are none. Host and protocol belong to the first node; addresses of IPv6 are bracketed and quoted.
 */
export function forwardedOf({ forwardedFor, forwardedHost, forwardedProto }: ForwardedParts): string {
  const [first = '', ...others] = forwardedFor === '' ? [] : nodesOf(forwardedFor);
  let text = forwardedFor === '' ? '' : `for=${quoted(first)}`;
  if (forwardedHost !== '') text += `${first === '' ? '' : ';'}host=${forwardedHost}`;
  if (forwardedProto !== '') {
    text += `${first === '' && forwardedHost === '' ? '' : ';'}proto=${forwardedProto}`;
  }
  for (const node of others) text += `, for=${quoted(node)}`;
  return text;
}

/** As the original's consumeNode: what follows a comma at the very end is no node. */
function nodesOf(list: string): string[] {
  const nodes = list.split(',').map((node) => node.trim());
  if (list.endsWith(',')) nodes.pop();
  return nodes;
}

function quoted(node: string): string {
  return node.includes(':') ? `"[${node}]"` : node;
}

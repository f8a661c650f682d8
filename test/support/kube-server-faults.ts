/** What a KubeServer does to requests instead of, or before, answering them. */
export interface KubeFault {
  /**
   * reset: the connection is cut; status: answered with `status` (and Retry-After); forbid: 403 as RBAC says it;
   * delay: answered `delayMs` later; hang: never answered.
   */
  readonly kind: 'reset' | 'status' | 'forbid' | 'delay' | 'hang';
  /** get, list, watch, create, update, patch, delete; absent: each. */
  readonly verb?: string;
  /** Plural, with a subresource (`deployments`, `deployments/scale`); absent: each, discovery included. */
  readonly resource?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly retryAfterS?: number;
  readonly delayMs?: number;
  /** How many requests it meets; absent: all until it is taken back. */
  readonly times?: number;
}

/** What a request asks for, in the words of RBAC. */
export interface Asked {
  readonly verb: string;
  /** '' for discovery. */
  readonly resource: string;
}

/** The faults that a KubeServer has to show now. */
export class KubeFaults {
  readonly #faults = new Set<{ readonly fault: KubeFault; left: number }>();

  /** Until the function that it returns is called, or `times` requests met it. */
  add(fault: KubeFault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#faults.add(entry);
    return () => this.#faults.delete(entry);
  }

  clear(): void {
    this.#faults.clear();
  }

  /** The first that applies; counts it. */
  take({ verb, resource }: Asked): KubeFault | undefined {
    for (const entry of this.#faults) {
      const { fault } = entry;
      if (fault.verb !== undefined && fault.verb !== verb) continue;
      if (fault.resource !== undefined && fault.resource !== resource) continue;
      if (--entry.left === 0) this.#faults.delete(entry);
      return fault;
    }
    return undefined;
  }
}

/** The body of an answer that tells a failure. */
export function statusObject(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}

/** What RBAC says when it refuses. */
export function forbiddenMessage(
  { verb, resource }: Asked,
  place: { readonly root: string; readonly namespace: string } | undefined,
): string {
  const group = /^\/apis\/([^/]+)/.exec(place?.root ?? '')?.[1] ?? '';
  const what = `User "test" cannot ${verb} resource "${resource}" in API group "${group}"`;
  return `${resource} is forbidden: ${what} in the namespace "${place?.namespace ?? ''}"`;
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { forbiddenMessage, type KubeFault, KubeFaults, statusObject } from './kube-server-faults.ts';
import {
  builtInKinds,
  choiceOf,
  discoveryDocument,
  groupPath,
  type ServedKind,
} from './kube-server-kinds.ts';
import { KubeLogs } from './kube-server-logs.ts';
import { type KubeObject, KubeStore, type Place } from './kube-server-store.ts';
import { KubeWatches } from './kube-server-watches.ts';
import { type Answer, listPage, reply, writeObject } from './kube-server-writes.ts';

/** A request that a KubeServer got. `verb` and `resource` as RBAC says them; '' for discovery. */
export interface KubeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly verb: string;
  readonly resource: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

interface Found {
  readonly kind: ServedKind;
  readonly place: Place;
  readonly subresource: string;
}

const verbByMethod: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/**
 * A small API server in memory, true where clients can tell: versions, paged lists, watches with replay, bookmarks and
 * 410, conflicts on stale versions, `scale` and `status`, discovery; and the faults of a real cluster on request.
 * Nothing acts on the objects: a test that wants pods puts them.
 */
export class KubeServer {
  readonly requests: KubeRequest[] = [];
  readonly logs = new KubeLogs();
  readonly #store = new KubeStore();
  readonly #faults = new KubeFaults();
  readonly #watches = new KubeWatches(this.#store);
  readonly #kinds: readonly ServedKind[];
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;

  private constructor(kinds: readonly ServedKind[]) {
    this.#kinds = kinds;
  }

  /** Listens on a free port of 127.0.0.1; `kinds` are served besides the built-in ones. */
  static async start(kinds: readonly ServedKind[] = []): Promise<KubeServer> {
    const server = new KubeServer([...builtInKinds, ...kinds]);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Watches that are open, of one collection or of all. */
  watchCount(path?: string): number {
    return this.#watches.count(path);
  }

  /** Creates or replaces, by the object's whole path; as the cluster itself would, without a conflict. */
  put(path: string, object: object): KubeObject {
    const { kind: served, place } = this.#expect(path);
    const { apiVersion, kind } = served;
    return this.#store.set(place, { apiVersion, kind, metadata: {}, ...object } as KubeObject);
  }

  get(path: string): KubeObject | undefined {
    return this.#store.get(this.#expect(path).place);
  }

  delete(path: string): void {
    this.#store.delete(this.#expect(path).place);
  }

  /** Whatever is in the collection at `path`. */
  list(path: string): KubeObject[] {
    return this.#store.list({ ...this.#expect(path).place, matches: () => true });
  }

  /** See KubeFault; until the function that it returns is called. */
  fault(fault: KubeFault): () => void {
    return this.#faults.add(fault);
  }

  /** Ends all faults. */
  heal(): void {
    this.#faults.clear();
  }

  /** Older versions are 410 Expired from now on. */
  compact(): void {
    this.#store.compact();
  }

  /** Ends every watch as a time-out does. */
  endWatches(): void {
    this.#watches.end();
  }

  /** Cuts the connection of every watch. */
  cutWatches(): void {
    this.#watches.cut();
  }

  /** Writes `text` to every watch, or to those of one collection: garbage, an ERROR event, half a line. */
  sendToWatches(text: string, path?: string): void {
    this.#watches.send(text, path);
  }

  /** Sends a bookmark with the newest version to each watch that allows it. */
  bookmark(): void {
    this.#watches.bookmark();
  }

  /** Refuses connections and cuts those that are open, until `up`. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** Listens again on the same port. */
  async up(): Promise<void> {
    const server = createServer((req, res) => void this.#answer(req, res));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  readonly close = () => this.down();

  #find(path: string): Found | undefined {
    for (const kind of this.#kinds) {
      const prefix = groupPath(kind.apiVersion);
      if (!path.startsWith(`${prefix}/`)) continue;
      const parts = path
        .slice(prefix.length + 1)
        .split('/')
        .map(decodeURIComponent);
      const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts[1]! : '';
      const [plural, name = '', subresource = ''] = namespace === '' ? parts : parts.slice(2);
      if (plural !== kind.plural) continue;
      return { kind, place: { root: `${prefix}/${plural}`, namespace, name }, subresource };
    }
    return undefined;
  }

  #expect(path: string): Found {
    const found = this.#find(path);
    if (found === undefined) throw new Error(`no kind is served at ${path}`);
    return found;
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of req) chunks.push(chunk as Buffer);
    } catch {
      return; // The client left; there is nobody to answer.
    }
    const text = Buffer.concat(chunks).toString();
    const url = new URL(req.url!, this.url);
    const found = this.#find(url.pathname);
    const isWatch = url.searchParams.get('watch') === 'true' || url.searchParams.get('watch') === '1';
    const reading = isWatch ? 'watch' : found?.place.name === '' ? 'list' : 'get';
    const request: KubeRequest = {
      method: req.method!,
      path: url.pathname,
      query: url.searchParams,
      verb: verbByMethod[req.method!] ?? reading,
      resource: found ? [found.kind.plural, found.subresource].filter(Boolean).join('/') : '',
      headers: req.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.requests.push(request);
    const fault = this.#faults.take(request);
    if (fault === undefined) return this.#serve(request, found, res);
    this.#fail(fault, { request, found, res });
  }

  #fail(fault: KubeFault, at: { request: KubeRequest; found: Found | undefined; res: ServerResponse }): void {
    const { request, found, res } = at;
    if (fault.kind === 'reset') {
      res.socket?.resetAndDestroy();
    } else if (fault.kind === 'delay') {
      setTimeout(() => this.#serve(request, found, res), fault.delayMs ?? 0);
    } else if (fault.kind === 'forbid') {
      const message = forbiddenMessage(request, found?.place);
      reply(res, 403, statusObject(403, 'Forbidden', message));
    } else if (fault.kind === 'status') {
      if (fault.retryAfterS !== undefined) res.setHeader('retry-after', fault.retryAfterS);
      const status = fault.status ?? 500;
      reply(res, status, statusObject(status, fault.reason ?? '', 'said so by the test'));
    }
  }

  #serve(request: KubeRequest, found: Found | undefined, res: ServerResponse): void {
    const { method, query, body, verb, path } = request;
    if (verb === 'watch' && found !== undefined) {
      this.#watches.open({ path, choice: choiceOf(found.place, query), query, res });
      return;
    }
    if (found?.subresource === 'log') {
      this.logs.answer(found.place, query, res);
      return;
    }
    const answer =
      found === undefined ? this.#document(path) : this.#call(found, { method, query, body, verb });
    reply(res, answer.status, answer.body);
  }

  #document(path: string): Answer {
    const document = discoveryDocument(this.#kinds, path);
    if (document !== undefined) return { status: 200, body: document };
    const message = 'the server could not find the requested resource';
    return { status: 404, body: statusObject(404, 'NotFound', message) };
  }

  #call(found: Found, asked: Pick<KubeRequest, 'method' | 'query' | 'body' | 'verb'>): Answer {
    const { method, query, body, verb } = asked;
    if (verb !== 'list') return writeObject(this.#store, { ...found, method, body });
    return listPage(this.#store, { kind: found.kind, choice: choiceOf(found.place, query), query });
  }
}

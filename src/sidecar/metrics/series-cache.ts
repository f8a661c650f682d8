import type { HistogramSeries } from '../../meter/series.ts';
import type { LaneHead } from '../../relay/traffic.ts';
import type { HttpFamilies } from './http-families.ts';
import { methodLabel, routeTag, serverLabels, versionLabel } from './http-labels.ts';

/** The series of requests that look alike to the server. */
export interface ServerSeries {
  readonly upload: HistogramSeries;
  readonly answer: HistogramSeries;
  readonly duration: HistogramSeries;
}

/** The series of requests that look alike to the client of the app. */
export interface ClientSeries {
  readonly upload: HistogramSeries;
  readonly duration: HistogramSeries;
}

/** What the labels are made of. */
interface Labelled {
  readonly head: LaneHead;
  readonly status: number;
  readonly appStatus: number;
}

/**
 * Series per metric. Host and the tag come from the client: past the limit what is new counts in one series that says so,
 * as with OpenTelemetry. Its own limit is 2,000, and to print so many (39 MB) stopped the event loop for 0.8 s; 200 take 70 ms.
 */
const maxSeries = 200;

/** Finds the series of a request without making its labels: those of the last request first, then by a key. */
export class SeriesCache {
  readonly #families: HttpFamilies;
  readonly #app: { readonly host: string; readonly port: string };
  readonly #serverByKey = new Map<string, ServerSeries>();
  readonly #clientByKey = new Map<string, ClientSeries>();
  #lastServer: ServerSeries | null = null;
  #lastClient: ClientSeries | null = null;
  #method = '';
  #version = '';
  #authority = '';
  #tag = '';
  #isTls = false;
  #status = -1;
  #appStatus = -1;

  constructor(families: HttpFamilies, app: { readonly host: string; readonly port: number }) {
    this.#families = families;
    this.#app = serverLabels(`${app.host.includes(':') ? `[${app.host}]` : app.host}:${app.port}`, false);
  }

  server(request: Labelled): ServerSeries {
    this.#see(request);
    if (this.#lastServer === null) {
      const key = `${this.#shape()} ${this.#isTls} ${this.#status} ${this.#authority} ${this.#tag}`;
      this.#lastServer = take(this.#serverByKey, key, (isOver) => this.#createServer(isOver));
    }
    return this.#lastServer;
  }

  client(request: Labelled): ClientSeries {
    this.#see(request);
    if (this.#lastClient === null) {
      const key = `${this.#shape()} ${this.#appStatus} ${this.#tag}`;
      this.#lastClient = take(this.#clientByKey, key, (isOver) => this.#createClient(isOver));
    }
    return this.#lastClient;
  }

  /** Forgets the last request's series where this one has others. */
  #see({ head, status, appStatus }: Labelled): void {
    const tag = routeTag(head.fields);
    const { method, version, authority } = head;
    const { isTls } = head.peer;
    if (method !== this.#method || version !== this.#version || tag !== this.#tag) {
      this.#lastServer = null;
      this.#lastClient = null;
    }
    if (status !== this.#status || authority !== this.#authority || isTls !== this.#isTls) {
      this.#lastServer = null;
    }
    if (appStatus !== this.#appStatus) this.#lastClient = null;
    this.#method = method;
    this.#version = version;
    this.#tag = tag;
    this.#status = status;
    this.#authority = authority;
    this.#isTls = isTls;
    this.#appStatus = appStatus;
  }

  /** By label: a client's own methods are one. */
  #shape(): string {
    return `${methodLabel(this.#method)} ${this.#version}`;
  }

  #createServer(isOver: boolean): ServerSeries {
    const { host, port } = serverLabels(this.#authority, this.#isTls);
    const labels = isOver
      ? overflow
      : [...this.#common(this.#status), host, port, this.#isTls ? 'https' : 'http', ''];
    const { serverUpload, serverAnswer, serverDuration } = this.#families;
    return {
      upload: serverUpload.series(...labels),
      answer: serverAnswer.series(...labels),
      duration: serverDuration.series(...labels),
    };
  }

  #createClient(isOver: boolean): ClientSeries {
    const { host, port } = this.#app;
    const error = this.#appStatus === 0 ? '_OTHER' : '';
    const own = isOver ? overflow : [...this.#common(this.#appStatus), host, port, 'http', ''];
    const { clientUpload, clientDuration } = this.#families;
    const labels = [isOver ? '' : error, ...own];
    return { upload: clientUpload.series(...labels), duration: clientDuration.series(...labels) };
  }

  #common(status: number): string[] {
    const code = status === 0 ? '' : String(status);
    const version = versionLabel(this.#version as LaneHead['version']);
    return [methodLabel(this.#method), code, this.#tag, 'http', version];
  }
}

/** The labels of the one series beyond the limit. */
const overflow = ['', '', '', '', '', '', '', '', 'true'];
const overflowKey = '';

function take<Series>(byKey: Map<string, Series>, key: string, create: (isOver: boolean) => Series): Series {
  const known = byKey.get(key);
  if (known !== undefined) return known;
  const isOver = byKey.size >= maxSeries - 1;
  if (!isOver) {
    const made = create(false);
    byKey.set(key, made);
    return made;
  }
  const over = byKey.get(overflowKey) ?? create(true);
  byKey.set(overflowKey, over);
  return over;
}

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { FlatHeaders } from '../../../src/forward/headers.ts';
import { createHttp1Lane, type Http1Lane, type Http1LaneOptions } from '../../../src/relay/http1/lane.ts';
import type { Crossing, LaneEnd, LaneRequest, Outbound, OwnAnswer } from '../../../src/relay/traffic.ts';
import { RawBackend, type Script } from '../../support/raw-backend.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Signal } from '../../support/raw-signal.ts';

/** What a crossing does, as far as a test changes it. */
export interface CrossingPlay {
  onTake?(request: LaneRequest, crossing: PlayedCrossing): void;
  onHead?(status: number, fields: FlatHeaders, crossing: PlayedCrossing): FlatHeaders;
  onBytes?(bytes: Buffer, crossing: PlayedCrossing): void;
  brokenEvent?: string | null;
}

/** A crossing that notes what it is told. */
export class PlayedCrossing implements Crossing {
  readonly request: LaneRequest;
  /** All but bytes, in order. */
  readonly told: string[] = [];
  uploaded = 0;
  received = '';
  cause: Error | null = null;
  end: LaneEnd | null = null;
  readonly #play: CrossingPlay;
  readonly #signal: Signal;

  constructor(request: LaneRequest, play: CrossingPlay, signal: Signal) {
    this.request = request;
    this.#play = play;
    this.#signal = signal;
  }

  onHead(status: number, fields: FlatHeaders): FlatHeaders {
    this.#tell(`head ${status}`);
    return this.#play.onHead?.(status, fields, this) ?? fields;
  }

  onBytes(bytes: Buffer): void {
    this.#alive('bytes');
    this.received += bytes.toString('latin1');
    this.#play.onBytes?.(bytes, this);
  }

  onUpload(bytes: number): void {
    this.#alive('upload');
    this.uploaded += bytes;
  }

  onBroken(cause: Error, isSent: boolean): OwnAnswer {
    this.cause = cause;
    this.#tell(`broken ${isSent ? 'sent' : 'unsent'}`);
    return textAnswer(502, 'broken');
  }

  brokenEvent(cause: Error): string | null {
    this.cause = cause;
    this.#tell('brokenEvent');
    return this.#play.brokenEvent ?? null;
  }

  onEnd(end: LaneEnd): void {
    this.#tell(`end ${end}`);
    this.end = end;
    this.#signal.tell();
  }

  /** Resolves with how it ended. */
  ended(): Promise<LaneEnd> {
    return this.#signal.until(() => this.end ?? undefined);
  }

  #tell(text: string): void {
    this.#alive(text);
    this.told.push(text);
  }

  #alive(what: string): void {
    if (this.end !== null) this.told.push(`${what} after the end`);
  }
}

/** An own answer of text. */
export function textAnswer(status: number, body: string): OwnAnswer {
  return { status, fields: ['content-type', 'text/plain'], body };
}

/** A request's head as it is passed on to `port`. */
export function outboundTo(port: number, { head }: LaneRequest): Outbound {
  const { method, target, authority, fields } = head;
  return { host: '127.0.0.1', port, method, target, authority, fields };
}

/** A lane on a port, a raw backend behind it, raw clients before it. */
export class LaneRig {
  readonly lane: Http1Lane;
  readonly backend: RawBackend;
  readonly crossings: PlayedCrossing[] = [];
  readonly signal = new Signal();
  readonly clients: RawClient[] = [];
  readonly #server: Server;
  #isClosed = false;

  private constructor(backend: RawBackend, play: CrossingPlay, options: Partial<Http1LaneOptions>) {
    this.backend = backend;
    const traffic = {
      take: (request: LaneRequest) => {
        const crossing = new PlayedCrossing(request, play, this.signal);
        this.crossings.push(crossing);
        if (play.onTake) play.onTake(request, crossing);
        else this.forward(request);
        this.signal.tell();
        return crossing;
      },
    };
    this.lane = createHttp1Lane({ traffic, clock: systemClock, ...options });
    this.#server = createServer((socket) => this.lane.take(socket));
  }

  /** `script` is what the backend does; a crossing without `onTake` forwards at once. */
  static async start(
    script: Script,
    play: CrossingPlay = {},
    options: Partial<Http1LaneOptions> = {},
  ): Promise<LaneRig> {
    const rig = new LaneRig(await new RawBackend(script).listen(), play, options);
    rig.#server.listen(0, '127.0.0.1');
    await once(rig.#server, 'listening');
    rigs.push(rig);
    return rig;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get backendPort(): number {
    return Number(new URL(this.backend.url).port);
  }

  forward(request: LaneRequest): void {
    request.forward(outboundTo(this.backendPort, request));
  }

  client(method = 'POST'): RawClient {
    const client = new RawClient(this.url, method);
    this.clients.push(client);
    return client;
  }

  /** Resolves with the n-th request's crossing (0 is the first). */
  crossing(n: number): Promise<PlayedCrossing> {
    return this.signal.until(() => this.crossings[n]);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const client of this.clients) client.destroy();
    this.lane.close();
    await this.backend.close();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const rigs: LaneRig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

import type { ServerSettings, Settings } from '../../src/config/settings.ts';
import { type Answer, type Backend, startBackend } from '../support/backend.ts';
import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';
import { type RawBackend, RawClient, startRawBackend } from './raw.ts';

/** What a test sets besides the models. */
export interface GatewayChange {
  readonly server?: Partial<Omit<ServerSettings, 'limits'>>;
  readonly limits?: Partial<ServerSettings['limits']>;
  readonly rest?: string;
}

/** Starts what a test needs and closes it in reverse order. */
export class Fixture {
  readonly #closers: (() => Promise<void> | void)[] = [];

  async gateway(models: string, change: GatewayChange = {}): Promise<Gateway> {
    const settings = settingsOf(models, change.rest);
    const { server } = settings;
    const changed: Settings = {
      ...settings,
      server: { ...server, ...change.server, limits: { ...server.limits, ...change.limits } },
    };
    const gateway = await startGateway(changed);
    let closing: Promise<void> | null = null;
    const close = () => {
      closing ??= gateway.close();
      return closing;
    };
    this.#closers.push(close);
    return { ...gateway, close };
  }

  async backend(answer: Answer): Promise<Backend> {
    const backend = await startBackend(answer);
    this.#closers.push(() => backend.close());
    return backend;
  }

  async rawBackend(): Promise<RawBackend> {
    const backend = await startRawBackend();
    this.#closers.push(() => backend.close());
    return backend;
  }

  client(url: string): RawClient {
    const client = RawClient.open(url);
    this.onClose(() => client.destroy());
    return client;
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** A model `m` at these URLs, and a model `any` that takes whatever is under /any/. */
export function staticModel(url: string, more = ''): string {
  return `
  m:
    backend: { driver: static, urls: ["${url}"], ready: { tcp: true } }
    ${more}
  any:
    match: { paths: [/any/] }
    backend: { driver: static, urls: ["${url}"], ready: { tcp: true } }
`;
}

/** A chat request in bytes; `fields` are whole lines. */
export function chatRequest(fields = '', body = '{"model":"m","messages":[]}'): string {
  return (
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n${fields}\r\n${body}`
  );
}

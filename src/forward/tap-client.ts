import type { Dispatcher, Pool as UndiciPool, buildConnector as undiciConnector } from 'undici';
import { readBuffer, TapConnection, TapExchange, type TapHandler } from './tap.ts';
import { buildConnector, Client, Pool } from './undici-core.ts';

/** Options of a TapClient. */
export interface TapClientOptions {
  /** Longest time for opening a connection; 0 is no limit. */
  readonly connectTimeoutMs: number;
  /** How long an idle connection is kept, unless the backend names a time itself. Above 0. */
  readonly keepAliveTimeoutMs: number;
  /** A connection serves one request and is closed with it. */
  readonly isPerRequest?: boolean;
}

/** Options of a pool of TapClients. */
export interface TapPoolOptions extends TapClientOptions {
  /** Most connections at a time; null is no limit. */
  readonly connections: number | null;
}

type Handler = Dispatcher.DispatchHandler;

function isTapHandler(handler: Handler): handler is Handler & TapHandler {
  return 'tap' in handler;
}

/** Connects as undici does, but reads of a plain socket come to the TapConnection that `onConnected` gets. */
function tapConnector(
  timeout: number,
  onConnected: (connection: TapConnection | null) => void,
): undiciConnector.connector {
  const connectTls = buildConnector({ timeout, allowH2: false });
  return (options, callback) => {
    if (options.protocol === 'https:') {
      onConnected(null);
      connectTls(options, callback);
      return;
    }
    let connection: TapConnection | null = null;
    const onread = { buffer: readBuffer, callback: (length: number) => connection!.onRead(length) };
    // A connector for each socket, since an upgraded one goes on reading while the client opens its next.
    const connect = buildConnector({ timeout, allowH2: false, onread });
    connect(options, (...result) => {
      const socket = result[1];
      // undici leaves it out where its types say null.
      if (socket) {
        connection = new TapConnection(socket);
        onConnected(connection);
      }
      callback(...result);
    });
  };
}

/**
 * undici's Client without pipelining and without timeouts for head and body. A handler with a `tap` property (TapHandler)
 * gets a Tap, by which a chunked response over plain TCP can pass from socket to socket without being parsed.
 *
 * It stands on undici taking what is in the socket by read(), at the latest in the tick that follows a push.
 */
class TapClient extends Client {
  readonly #currentConnection: () => TapConnection | null;

  constructor(origin: string | URL, options: TapClientOptions) {
    let current: TapConnection | null = null;
    super(origin, {
      // With 0 undici asks for each connection to be closed, and sends one request at a time as with 1.
      pipelining: options.isPerRequest === true ? 0 : 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connect: tapConnector(options.connectTimeoutMs, (connection) => {
        current = connection;
      }),
    });
    this.#currentConnection = () => current;
  }

  /** As Client.dispatch. Upgrades and CONNECT get no tap. */
  override dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    if (!isTapHandler(handler) || options.upgrade || options.method === 'CONNECT') {
      return super.dispatch(options, handler);
    }
    return super.dispatch(options, new TapExchange(handler, options.method, this.#currentConnection));
  }
}

/** A pool of TapClients for one origin (scheme, host, port). */
export function createTapPool(origin: string, options: TapPoolOptions): UndiciPool {
  return new Pool(origin, {
    connections: options.connections,
    allowH2: false,
    factory: (url) => new TapClient(url, options),
  });
}

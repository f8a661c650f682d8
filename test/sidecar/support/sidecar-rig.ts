import { afterEach } from 'vitest';
import { RawBackend, type Script } from '../../support/raw-backend.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type SidecarOptions, SidecarProcess } from './sidecar-process.ts';

/** A sidecar, apps behind it and clients before it, closed in reverse order after each test. */
export class SidecarRig {
  readonly #closers: (() => unknown)[] = [];
  #sidecar: SidecarProcess | null = null;

  /** The one that was started last. */
  get sidecar(): SidecarProcess {
    if (this.#sidecar === null) throw new Error('no sidecar was started');
    return this.#sidecar;
  }

  /** An app that is scripted byte by byte; on a free port unless one is said. */
  async app(script: Script, port = 0): Promise<RawBackend> {
    const app = await new RawBackend(script, port).listen();
    this.onClose(() => app.close());
    return app;
  }

  /** A sidecar before `app`: a port, or something with a URL. */
  async start(
    app: number | { readonly url: string },
    options: Omit<SidecarOptions, 'app'> = {},
  ): Promise<SidecarProcess> {
    const port = typeof app === 'number' ? app : Number(new URL(app.url).port);
    this.#sidecar = await SidecarProcess.start({ ...options, app: port });
    const started = this.#sidecar;
    this.onClose(() => started.close());
    return started;
  }

  /** A connection to its serving port, or another one of its. */
  client(method = 'POST', port = this.sidecar.ports.serving): RawClient {
    const client = new RawClient(`http://127.0.0.1:${port}`, method);
    this.onClose(() => client.destroy());
    return client;
  }

  /** What is to be closed when the test has ended; the last first. */
  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    this.#sidecar = null;
  }
}

/** A rig for the tests of a file, empty again after each. */
export function useSidecarRig(): SidecarRig {
  const rig = new SidecarRig();
  afterEach(() => rig.close());
  return rig;
}

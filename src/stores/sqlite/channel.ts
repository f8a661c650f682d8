import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PilotlightError } from '../../core/errors.ts';
import type { StoreFault } from './fault.ts';
import {
  type Answer,
  type FromWorker,
  type Operations,
  type Question,
  type ToWorker,
  type WorkerSettings,
  writes,
} from './messages.ts';

/** Told when the store begins to fail, not again before something could be written once more. */
export type OnFault = (fault: PilotlightError) => void;

interface Waiting {
  readonly isWrite: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: PilotlightError) => void;
}

/** Beside this module, in the sources (.ts) and in what is built of them (.js). */
const workerUrl = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Questions to the worker and its answers, in order. What is asked in one turn of the loop crosses as one message. */
export class WorkerChannel {
  readonly #worker: Worker;
  readonly #onFault: OnFault;
  readonly #waiting = new Map<number, Waiting>();
  #unsent: Question[] = [];
  readonly #unsentBytes: ArrayBuffer[] = [];
  #lastNumber = 0;
  #isFailing = false;
  /** Why nothing can be asked any more. */
  #end: PilotlightError | null = null;
  readonly #ended: Promise<void>;

  private constructor(worker: Worker, onFault: OnFault) {
    this.#worker = worker;
    this.#onFault = onFault;
    worker.on('message', (message: FromWorker) => this.#take(message as readonly Answer[]));
    worker.on('error', (error) => this.#break(error));
    this.#ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#break(null);
        resolve();
      });
    });
  }

  /** Starts the worker and waits until it holds the file; rejects with why it does not. */
  static async open(settings: WorkerSettings, onFault: OnFault): Promise<WorkerChannel> {
    const worker = new Worker(workerUrl, {
      name: 'pilotlight-store',
      workerData: settings,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    const [message] = (await once(worker, 'message').catch((error: unknown) => {
      throw new PilotlightError('store_unavailable', 'store: its worker did not start', { cause: error });
    })) as [FromWorker];
    if (message === 'opened') return new WorkerChannel(worker, onFault);
    await worker.terminate();
    throw errorOf(message as StoreFault);
  }

  /** `bytes`: buffers among the arguments that are handed over, not copied. */
  ask<Name extends keyof Operations>(
    name: Name,
    args: Parameters<Operations[Name]>,
    bytes: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<Operations[Name]>> {
    if (this.#end) return Promise.reject(this.#end);
    const number = ++this.#lastNumber;
    if (this.#unsent.length === 0) queueMicrotask(() => this.#send());
    this.#unsent.push({ number, name, args } as Question);
    for (const buffer of bytes) this.#unsentBytes.push(buffer);
    return new Promise((resolve, reject) => {
      const isWrite = writes.has(name);
      this.#waiting.set(number, { isWrite, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Waits for what was asked, and for the worker to let go of the file. */
  async close(): Promise<void> {
    if (!this.#end) {
      this.#end = new PilotlightError('store_unavailable', 'store: it was closed');
      this.#send();
      this.#post('close');
    }
    await this.#ended;
  }

  #send(): void {
    if (this.#unsent.length === 0) return;
    this.#post(this.#unsent, this.#unsentBytes.splice(0));
    this.#unsent = [];
  }

  #post(message: ToWorker, bytes: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, bytes);
  }

  #take(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const waiting = this.#waiting.get(answer.number);
      this.#waiting.delete(answer.number);
      if ('fault' in answer) waiting?.reject(this.#told(errorOf(answer.fault)));
      else waiting?.resolve(answer.value);
      if ('value' in answer && waiting?.isWrite) this.#isFailing = false;
    }
  }

  #told(fault: PilotlightError): PilotlightError {
    if (!this.#isFailing) this.#onFault(fault);
    this.#isFailing = true;
    return fault;
  }

  /** The worker has ended, asked or not. */
  #break(cause: unknown): void {
    const wasAsked = this.#end !== null;
    this.#end ??= new PilotlightError('store_unavailable', 'store: its worker has ended', { cause });
    if (!wasAsked) this.#told(this.#end);
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}

function errorOf({ code, message }: StoreFault): PilotlightError {
  return new PilotlightError(code, message);
}

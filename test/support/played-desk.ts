import type { BackendCall, ContractName } from '../../src/core/contract.ts';
import type { Ask, Desk, DeskAnswer, DeskModel, JobDesk, JobOrder } from '../../src/core/desk.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import type { WakeInfo } from '../../src/core/gate.ts';
import type { Job, JobError, JobState } from '../../src/core/job.ts';
import { contractOf } from '../../src/protocols/contracts/contracts.ts';
import { modelNotFound } from '../../src/protocols/model-name.ts';

/** What a played backend answers. A body that is no buffer comes piece by piece, and may throw in the middle. */
export interface PlayedAnswer {
  readonly status?: number;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer | AsyncIterable<Buffer>;
}

/** A model of a played desk. */
export interface PlayedModel {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly contract?: ContractName;
  readonly path?: string;
  readonly maxConcurrency?: number;
  readonly inFlight?: number;
  readonly waiting?: number;
  readonly state?: string;
}

/** A desk for tests of surfaces: models with a backend that is a function, and jobs that end when the test says so. */
export class PlayedDesk implements Desk {
  /** What was asked, and what it became for the backend. */
  readonly asked: { readonly ask: Ask; readonly call: BackendCall }[] = [];
  readonly orders: JobOrder[] = [];
  readonly #models: readonly DeskModel[];
  readonly #backend: (call: BackendCall) => PlayedAnswer | Promise<PlayedAnswer>;
  readonly #jobs = new Map<string, Job>();
  readonly #outputs = new Map<string, Buffer>();

  constructor(
    models: readonly PlayedModel[],
    backend: (call: BackendCall) => PlayedAnswer | Promise<PlayedAnswer> = () => ({ body: '' }),
  ) {
    this.#models = models.map(playedModel);
    this.#backend = backend;
  }

  wallMs(): number {
    return 1_700_000_000_000;
  }

  models(): readonly DeskModel[] {
    return this.#models;
  }

  model(name: string): DeskModel {
    const found = this.#models.find((model) => model.name === name || model.aliases.includes(name));
    // Another view each time, as the gateway's desk gives it.
    if (found !== undefined) return { ...found };
    throw modelNotFound(
      name,
      this.#models.map((model) => model.name),
    );
  }

  async ask(ask: Ask): Promise<DeskAnswer> {
    const model = this.model(ask.model);
    const call = model.contract.call(ask.invocation, model.contractModel);
    this.asked.push({ ask, call });
    const { status = 200, contentType = 'application/json', headers = {}, body } = await this.#backend(call);
    const waits = { waitMs: 0, coldMs: 0 };
    return { status, contentType, headers, ...waits, body: bytesOf(body) };
  }

  /** Ends a job as a worker would. */
  end(id: string, how: { state: JobState; answer?: PlayedAnswer; error?: JobError }): void {
    const job = this.#jobs.get(id)!;
    const { answer, error = null, state } = how;
    const body = Buffer.from(answer === undefined ? '' : (answer.body as string));
    this.#outputs.set(id, body);
    const result =
      answer === undefined
        ? null
        : {
            status: answer.status ?? 200,
            contentType: answer.contentType ?? 'application/json',
            headers: answer.headers ?? {},
            body: { at: 'store', bytes: body.length } as const,
          };
    this.#jobs.set(id, { ...job, state, result, error });
  }

  readonly jobs: JobDesk = notPlayed<JobDesk>({
    create: async (order, caller) => {
      const known = [...this.#jobs.values()].find(
        ({ idempotencyKey }) => idempotencyKey !== null && idempotencyKey === order.idempotencyKey,
      );
      if (known !== undefined) return { job: known, isNew: false };
      this.orders.push(order);
      const job = playedJob(order, caller.tenant);
      this.#jobs.set(job.id, job);
      return { job, isNew: true };
    },
    get: async (id, caller) => {
      const job = this.#jobs.get(id);
      return job?.tenant === caller.tenant ? job : null;
    },
    read: (job) => bytesOf(this.#outputs.get(job.id) ?? ''),
  });
}

/** An object of which only these members may be used. */
function notPlayed<T extends object>(members: Partial<T>): T {
  return new Proxy(members, {
    get(target, name) {
      if (name in target) return target[name as keyof T];
      throw new Error(`the played desk has no ${String(name)}`);
    },
  }) as T;
}

function playedModel(played: PlayedModel): DeskModel {
  const { name, aliases = [], contract = 'sagemaker', path = null, maxConcurrency = null } = played;
  const { inFlight = 0, waiting = 0, state = 'ready' } = played;
  const info: WakeInfo = { state, step: null, detail: null, etaMs: null, sinceMs: null };
  return {
    ...{ name, aliases, maxConcurrency, inFlight, waiting },
    contract: contractOf(contract),
    contractModel: { name, path, responses: 'backend' },
    readyReplicas: state === 'ready' ? 1 : 0,
    wakeInfo: () => info,
    wake: () => null,
  };
}

function playedJob(order: JobOrder, tenant: string): Job {
  const { id, surface, model, invocation, priority, webhook, group, idempotencyKey, meta } = order;
  const body = { at: 'store', bytes: 0 } as const;
  const { path, method, contentType, headers, isStream } = invocation;
  const limits = {
    beginByMs: null,
    endByMs: null,
    runMs: null,
    forceAtMs: null,
    maxAttempts: 3,
    keepMs: 1_000,
  };
  return {
    ...{ surface, model, tenant, priority, webhook, group, idempotencyKey, meta, limits },
    ...{ id: id ?? 'made-up', version: 1, state: 'queued', fingerprint: '', queuedAtMs: 0, createdAtMs: 0 },
    input: { content: 'body', path, method, contentType, headers, isStream, body },
    ...{ startedAtMs: null, endedAtMs: null, notBeforeMs: null, attempts: 0, deaths: 0, lastToken: 0 },
    ...{ lease: null, isCancelRequested: false, result: null, error: null, lastSeq: 0, toldAtMs: {} },
  };
}

async function* bytesOf(body: PlayedAnswer['body']): AsyncIterable<Buffer> {
  if (typeof body === 'string' || Buffer.isBuffer(body)) yield Buffer.from(body as string);
  else yield* body;
}

/** Pieces of a body, and then perhaps the backend's end. */
export async function* pieces(
  texts: readonly string[],
  code?: PilotlightError['code'],
): AsyncIterable<Buffer> {
  for (const text of texts) yield Buffer.from(text);
  if (code !== undefined) throw new PilotlightError(code, `played: ${code}`);
}

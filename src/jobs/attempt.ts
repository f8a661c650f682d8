import type { Clock } from '../core/clock.ts';
import type { BackendCall, Contract } from '../core/contract.ts';
import type { DeskModel } from '../core/desk.ts';
import { PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import { ErrandAnswer, type ErrandHead } from '../errand-answer.ts';
import type { Pipeline } from '../pipeline.ts';
import { DataSplitter, pieceKindOf } from '../protocols/data-splitter.ts';
import { translated } from '../protocols/translated.ts';
import type { KeptBody } from './bodies.ts';
import type { JobAnswer, JobBook, JobEnd } from './book.ts';
import { PieceLog } from './piece-log.ts';
import { type Failure, verdictOf } from './retry.ts';
import type { NewEvent } from './step.ts';

/** What jobs are run by. */
export interface RunOptions {
  readonly book: JobBook;
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  /** By name; throws model_not_found. */
  model(name: string): Pick<DeskModel, 'contract' | 'contractModel'>;
}

/** What an attempt tells, and what ends it. */
export interface AttemptHooks {
  readonly signal: AbortSignal;
  /** It is on its way to the gate, or will not go there. May be told twice. */
  onEntered(): void;
  /** Writes pieces of the output. */
  write(events: readonly NewEvent[]): Promise<void>;
}

/** What came of an attempt. */
export interface Attempted {
  /** null: its signal was aborted. */
  readonly end: JobEnd | null;
  /** Pieces that are to be written with the end. */
  readonly events: readonly NewEvent[];
}

/** A slot was free when it was claimed: whoever has taken it meanwhile goes before it, and it goes back into the store. */
const patienceMs = 2_000;
const maxMessageChars = 500;
const maxJudgedBytes = 64 * 1024 ** 2;

/** Runs a claimed job once, by the contract of its model. Never rejects. */
export async function attempt(options: RunOptions, job: Job, hooks: AttemptHooks): Promise<Attempted> {
  const pieces = new PieceLog({ clock: options.clock, write: (events) => hooks.write(events) });
  const { held } = options.pipeline.options;
  const { bytes } = job.input.body;
  let end: JobEnd | null;
  if (held.takeMemory(bytes)) {
    end = await new Attempt(options, job, hooks).run(pieces).finally(() => held.giveMemory(bytes));
  } else {
    const error = new PilotlightError('memory_full', 'memory full: no room in server.heldMemory for a job');
    end = failedBy(error, false);
  }
  hooks.onEntered();
  return { end, events: await pieces.close() };
}

class Attempt {
  readonly #options: RunOptions;
  readonly #job: Job;
  readonly #hooks: AttemptHooks;
  #answer: ErrandAnswer | null = null;

  constructor(options: RunOptions, job: Job, hooks: AttemptHooks) {
    this.#options = options;
    this.#job = job;
    this.#hooks = hooks;
  }

  async run(pieces: PieceLog): Promise<JobEnd | null> {
    const { book, model } = this.#options;
    const { signal } = this.#hooks;
    try {
      const invocation = await book.invocation(this.#job);
      const { contract, contractModel } = model(this.#job.model);
      const call = contract.call(invocation, contractModel);
      const answer = this.#send(call);
      const head = await answer.head;
      const body = told(answer, { call, head, pieces });
      const kept = await book.keepOutput(this.#job, body, signal);
      const { status, contentType, headers } = head;
      const isOwnForm = call.translator === undefined || status >= 300;
      const whole = isOwnForm ? await this.#wholeOf(kept, contract) : null;
      const fault = whole === null ? null : contract.outcome({ status, contentType, body: whole }).error;
      return judged({ status, contentType, headers, kept }, fault);
    } catch (error) {
      // What failed before it was aborted (cut by a drain) is told as what it is.
      const isAborted = signal.aborted && !(error instanceof PilotlightError);
      return isAborted ? null : failedBy(error, this.#answer?.isSent ?? false);
    }
  }

  /** One in a blob is read again where the status does not say whether it failed, and not beyond what can be parsed. */
  async #wholeOf(kept: KeptBody, contract: Contract): Promise<Buffer | null> {
    if (kept.bytes !== null) return kept.bytes;
    const isNeeded = contract.hasVerdictInBody === true && kept.body.bytes <= maxJudgedBytes;
    return isNeeded ? await this.#options.book.bodies.wholeOf(kept) : null;
  }

  #send(call: BackendCall): ErrandAnswer {
    const { id, tenant, model, limits } = this.#job;
    const { runMs } = limits;
    const answer = new ErrandAnswer(
      this.#options.pipeline,
      {
        requestId: id,
        key: tenant === '' ? null : tenant,
        model,
        call,
        priority: 3,
        patienceMs,
        runLimit: runMs === null ? null : { ms: runMs, error: ranTooLong(runMs) },
      },
      this.#hooks.signal,
    );
    this.#answer = answer;
    this.#hooks.onEntered();
    return answer;
  }
}

/** The body as it is kept; what of it comes piece by piece is told as events too. */
async function* told(
  answer: AsyncIterable<Buffer>,
  { call, head, pieces }: { call: BackendCall; head: ErrandHead; pieces: PieceLog },
): AsyncGenerator<Buffer, void, undefined> {
  const { translator, isStream } = call;
  const body = translator === undefined ? answer : translated(answer, head, translator);
  const isTold = isStream && head.status < 300 && pieceKindOf(head.contentType) !== 'none';
  const splitter = isTold ? new DataSplitter(head.contentType) : null;
  for await (const chunk of body) {
    if (splitter !== null) await pieces.add(splitter.push(chunk));
    yield chunk;
  }
  if (splitter !== null) await pieces.add(splitter.end());
}

function judged(answer: JobAnswer, fault: string | null): JobEnd {
  const { status, headers } = answer;
  if (status < 300 && fault === null) return { kind: 'succeeded', answer };
  const message = (fault ?? `the backend answered ${status}`).slice(0, maxMessageChars);
  const retryAfterMs = retryAfterOf(headers['retry-after']);
  return { kind: 'failed', failure: { code: 'backend_error', message, status, retryAfterMs }, answer };
}

/** In seconds; a date is not obeyed. */
function retryAfterOf(value: string | undefined): number | null {
  const seconds = Number(value ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
}

/** `isSent`: a backend may have processed some of it. */
function failedBy(thrown: unknown, isSent: boolean): JobEnd {
  const { code, message, retryAfterMs, spec } = toPilotlightError(thrown);
  const failure: Failure = {
    code,
    message,
    status: null,
    retryAfterMs: spec.retryAfter ? retryAfterMs : null,
  };
  if (!isSent || verdictOf(failure) !== 'unsent') return { kind: 'failed', failure, answer: null };
  const interrupted = `it was cut while it ran: ${message}`;
  return {
    kind: 'failed',
    failure: { ...failure, code: 'job_interrupted', message: interrupted },
    answer: null,
  };
}

function ranTooLong(runMs: number): PilotlightError {
  return new PilotlightError('job_expired', `it had not ended ${runMs} ms after its attempt began to run`);
}

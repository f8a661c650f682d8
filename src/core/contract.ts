import type { JsonValue } from './json.ts';

/** Names of the container contracts that a model's backend may keep (`contract:` of a model). */
export const contractNames = ['openai', 'sagemaker', 'cog', 'vertex', 'runpod', 'kserve', 'raw'] as const;

export type ContractName = (typeof contractNames)[number];

/** What is asked of backends that keep a contract until they are ready, where the configuration says nothing else. */
export interface ContractReady {
  readonly path: string;
  /** Text that the answer must contain; null: its status says it all. */
  readonly body: string | null;
}

/** Where backends tell that they are ready, by their contract. */
export const contractReady: Readonly<Record<ContractName, ContractReady>> = {
  openai: { path: '/health', body: null },
  sagemaker: { path: '/ping', body: null },
  // 200 from the beginning on.
  cog: { path: '/health-check', body: 'READY' },
  vertex: { path: '/health', body: null },
  // The documentation of its server, which is there once the handler is loaded.
  runpod: { path: '/', body: null },
  kserve: { path: '/v2/health/ready', body: null },
  raw: { path: '/health', body: null },
};

/** What a client wants of a model, before it is known how its backend is asked. */
export interface Invocation {
  /** The route of a backend it was written for, with its query (`/v1/chat/completions`); null: where the contract takes calls. */
  readonly path: string | null;
  readonly method: string;
  readonly contentType: string;
  /** Fields that go on to the backend, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** `input`: JSON that the contract wraps as its backends want it; `body`: bytes that go on as they are. */
  readonly content: { readonly input: JsonValue } | { readonly body: Buffer };
  /** The answer is wanted piece by piece. */
  readonly isStream: boolean;
  /** Id of the job or request, for backends that take one (Cog, RunPod). */
  readonly id: string;
}

/** One request to a backend. */
export interface BackendCall {
  readonly method: string;
  /** With its query, without the replica's own prefix. */
  readonly path: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly isStream: boolean;
  /** Of this one call, where the backend answers in another API's form than the one that was written for. */
  readonly translator?: AnswerTranslator;
}

/** Turns the answer of a backend into the form of another API: chat completions into Responses. Keeps what it saw so far. */
export interface AnswerTranslator {
  /** The data of one SSE event of the backend; returns the data of those that stand for it, in order. */
  event(data: string): readonly string[];
  /** The name of the event with such data (`event:`); absent: events of that API have none. */
  nameOf?(data: string): string;
  /** A whole answer. An error stays as it is. */
  whole(answer: { readonly status: number; readonly contentType: string; readonly body: Buffer }): Buffer;
}

/** What a backend's answer means to surfaces that know input and output instead of bodies. */
export interface Outcome {
  /** null where there is an error. */
  readonly output: JsonValue;
  readonly error: string | null;
  readonly logs: string | null;
  readonly metrics: Readonly<Record<string, number>>;
}

/** How backends of one kind are asked and answer: a file each in src/protocols/contracts. Pure. */
export interface Contract {
  readonly name: ContractName;
  /** Throws invalid_body, bad_request for what cannot be asked of such a backend. */
  call(invocation: Invocation, model: ContractModel): BackendCall;
  /** Its backends answer 200 to what failed, and say so in the body. */
  readonly hasVerdictInBody?: boolean;
  /** What a whole answer means; `status` may be any. */
  outcome(answer: { readonly status: number; readonly contentType: string; readonly body: Buffer }): Outcome;
  /**
   * The output in the data of one SSE event (or one line of NDJSON, one chunk of text) of a stream; null: there is none in it
   * ([DONE], a role). What a surface that knows only text shows of it is `textOf`.
   */
  piece(data: string): JsonValue | null;
  /** The text that pieces of a stream or an output stand for; null where it has none. */
  textOf(output: JsonValue): string | null;
}

/** What of a model a contract needs. */
export interface ContractModel {
  /** The name its backend knows it by. */
  readonly name: string;
  /** Path of the contract's own route where the configuration gives one (`contract: { name: vertex, path: /predict }`). */
  readonly path: string | null;
  /** What becomes of calls to /v1/responses: its backend takes them, or they are mapped to chat completions. */
  readonly responses: 'backend' | 'chat';
}

/** Requests in order of arrival, in columns: 20 bytes each, so that a million of them takes 20 MB. */
export interface Trace {
  /** Names; a request has the index of its own. */
  readonly models: readonly string[];
  /** How many requests there are. */
  readonly count: number;
  /** Milliseconds since the trace began, in order. */
  readonly arrivalMs: Float64Array;
  /** How long a replica works for it. */
  readonly execMs: Float64Array;
  readonly model: Uint32Array;
  /** When the trace began, in milliseconds since the Unix epoch; 0: not known. */
  readonly wallFromMs: number;
  /** The last of its requests would have ended by then, had none waited. */
  readonly endMs: number;
}

/** A request as a trace tells of it. */
export interface TraceRow {
  readonly model: string;
  /** Milliseconds since its `Origin`. */
  readonly arrivalMs: number;
  readonly execMs: number;
}

/**
 * | origin | an arrival is counted from |
 * |---|---|
 * | start | the beginning of the trace |
 * | epoch | the Unix epoch: the first of these is at the beginning of the trace |
 * | first | something that is not known: the first of these is at the beginning of the trace |
 */
export type Origin = 'start' | 'epoch' | 'first';

const origins: readonly Origin[] = ['start', 'epoch', 'first'];

const firstCapacity = 1024;

/** Collects the requests of traces, in whatever order. */
export class TraceBuilder {
  readonly #indexByModel = new Map<string, number>();
  #capacity = firstCapacity;
  #arrivalMs = new Float64Array(firstCapacity);
  #execMs = new Float64Array(firstCapacity);
  #model = new Uint32Array(firstCapacity);
  /** Places in `origins`. */
  #origin = new Uint8Array(firstCapacity);
  /** Of each origin; where nobody has it, it does not matter. */
  readonly #firstMs: Record<Origin, number> = {
    start: 0,
    epoch: Number.POSITIVE_INFINITY,
    first: Number.POSITIVE_INFINITY,
  };
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add({ model, arrivalMs, execMs }: TraceRow, origin: Origin): void {
    if (this.#count === this.#capacity) this.#grow();
    let index = this.#indexByModel.get(model);
    if (index === undefined) {
      index = this.#indexByModel.size;
      this.#indexByModel.set(model, index);
    }
    const at = this.#count++;
    this.#arrivalMs[at] = arrivalMs;
    this.#execMs[at] = execMs;
    this.#model[at] = index;
    this.#origin[at] = origins.indexOf(origin);
    this.#firstMs[origin] = Math.min(this.#firstMs[origin], arrivalMs);
  }

  /** In order of arrival, those of the same instant in the order in which they were added. It takes the columns over: once only. */
  build(): Trace {
    const count = this.#count;
    const firstMs = origins.map((origin) => this.#firstMs[origin]);
    const wallFromMs = Number.isFinite(this.#firstMs.epoch) ? this.#firstMs.epoch : 0;
    const arrivalMs = this.#arrivalMs.subarray(0, count);
    for (let i = 0; i < count; i++) arrivalMs[i]! -= firstMs[this.#origin[i]!]!;
    const order = orderOf(arrivalMs);
    const sorted = {
      arrivalMs: inOrder(arrivalMs, order, new Float64Array(order?.length ?? 0)),
      execMs: inOrder(this.#execMs.subarray(0, count), order, new Float64Array(order?.length ?? 0)),
      model: inOrder(this.#model.subarray(0, count), order, new Uint32Array(order?.length ?? 0)),
    };
    let endMs = 0;
    for (let i = 0; i < count; i++) endMs = Math.max(endMs, sorted.arrivalMs[i]! + sorted.execMs[i]!);
    return { models: [...this.#indexByModel.keys()], count, ...sorted, wallFromMs, endMs };
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#arrivalMs = copied(this.#arrivalMs, new Float64Array(this.#capacity));
    this.#execMs = copied(this.#execMs, new Float64Array(this.#capacity));
    this.#model = copied(this.#model, new Uint32Array(this.#capacity));
    this.#origin = copied(this.#origin, new Uint8Array(this.#capacity));
  }
}

function copied<Column extends Float64Array | Uint32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/** `from` in this order, in `to`; null: as it is. */
function inOrder<Column extends Float64Array | Uint32Array>(
  from: Column,
  order: Uint32Array | null,
  to: Column,
): Column {
  if (order === null) return from;
  for (let at = 0; at < order.length; at++) to[at] = from[order[at]!]!;
  return to;
}

/** The places in order of arrival; null: they are in order already. */
function orderOf(arrivalMs: Float64Array): Uint32Array | null {
  let isSorted = true;
  for (let i = 1; i < arrivalMs.length && isSorted; i++) isSorted = arrivalMs[i - 1]! <= arrivalMs[i]!;
  if (isSorted) return null;
  const order = new Uint32Array(arrivalMs.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => arrivalMs[a]! - arrivalMs[b]! || a - b);
}

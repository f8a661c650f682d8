import type { ProcessBackend } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Driver, ScaleRequest, Target, TargetStatus } from '../../core/driver.ts';
import type { Place } from '../../core/room.ts';
import { endEscaped } from './orphans.ts';
import { currentOwner, formatOwner, type Owner } from './owner.ts';
import { PortFinder } from './ports.ts';
import { ReplicaProcess } from './replica-process.ts';
import { TargetProcesses } from './target-processes.ts';

export interface ProcessDriverOptions {
  readonly clock: Clock;
  /** Hash of the path of the configuration: by it the next start finds what this one left behind (`endOrphans`). */
  readonly ownerHash: string;
  /** Where a replica is to run, asked when it is started; null: it takes no part in what is shared. Default: none does. */
  readonly placeOf?: (targetId: string, replicaId: string) => Place | null;
  /** A watcher that threw, a process that could not be signalled. Default: ignored. */
  readonly onFault?: (error: unknown) => void;
  /** Where the processes listen. Default 127.0.0.1. */
  readonly host?: '127.0.0.1';
}

/** Runs each replica as a process group of its own on this machine. */
export function createProcessDriver(options: ProcessDriverOptions): Driver<ProcessBackend> {
  return new ProcessDriver(options);
}

class ProcessDriver implements Driver<ProcessBackend> {
  readonly name = 'process';
  readonly isFixed = false;
  readonly canReplace = true;
  readonly replacesLost = false;
  readonly #clock: Clock;
  readonly #owner: Owner;
  readonly #onFault: (error: unknown) => void;
  readonly #placeOf: (targetId: string, replicaId: string) => Place | null;
  readonly #host: string;
  readonly #ports: PortFinder;
  readonly #processesById = new Map<string, TargetProcesses>();
  #replicasMade = 0;
  #isClosed = false;

  constructor(options: ProcessDriverOptions) {
    const { clock, ownerHash, onFault = () => undefined, host = '127.0.0.1' } = options;
    this.#clock = clock;
    this.#owner = currentOwner(ownerHash);
    this.#onFault = onFault;
    this.#placeOf = options.placeOf ?? (() => null);
    this.#host = host;
    this.#ports = new PortFinder(host);
  }

  async scale(target: Target<ProcessBackend>, request: ScaleRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new Error(`cannot scale ${target.id}: the process driver is closed`);
    this.#processesOf(target).scale(target, request);
  }

  async watch(
    target: Target<ProcessBackend>,
    onStatus: (status: TargetStatus) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const processes = this.#processesOf(target);
    await processes.watch(onStatus, signal);
    if (processes.isIdle && this.#processesById.get(target.id) === processes)
      this.#processesById.delete(target.id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#processesById.values()].map((processes) => processes.stop()));
    if (this.#replicasMade > 0) await endEscaped(this.#owner);
  }

  #processesOf(target: Target<ProcessBackend>): TargetProcesses {
    let processes = this.#processesById.get(target.id);
    if (processes === undefined) {
      processes = new TargetProcesses({
        createReplica: (current, onChange) => this.#createReplica(current, onChange),
        onFault: this.#onFault,
      });
      this.#processesById.set(target.id, processes);
    }
    return processes;
  }

  #createReplica(target: Target<ProcessBackend>, onChange: () => void): ReplicaProcess {
    this.#replicasMade += 1;
    const id = `${target.id}#${this.#replicasMade}`;
    return new ReplicaProcess({
      id,
      target,
      clock: this.#clock,
      host: this.#host,
      ports: this.#ports,
      place: () => this.#placeOf(target.id, id),
      owner: formatOwner(this.#owner),
      onChange,
      onFault: this.#onFault,
    });
  }
}

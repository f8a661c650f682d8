import type { ActivationEvent } from '../activation/events.ts';
import type { RoomAccess } from '../activation/room-access.ts';
import type { RoomSnapshot } from '../autoscale/placement/room-snapshot.ts';
import { SharedRoom } from '../autoscale/placement/shared-room.ts';
import type { SharedSettings } from '../config/shared-settings.ts';
import type { Clock } from '../core/clock.ts';
import type { GpuBudget, Place, RoomSettings, Seat, Tenant } from '../core/room.ts';
import type { GpuMonitor } from '../gpu/gpu-monitor.ts';
import { namesOf } from '../gpu/gpu-reading.ts';
import { PeakMemory } from '../gpu/peak-memory.ts';
import { type HeldUp, MemoryLook } from './memory-look.ts';
import { Roommate, type RoommateRuntime } from './roommate.ts';

/** What a common room is made of. */
export interface CommonRoomOptions {
  readonly clock: Clock;
  readonly shared: SharedSettings;
  /** GPUs of this machine, where `shared.gpus` is auto. */
  readonly found: readonly GpuBudget[];
  /** null: nobody tells how much memory is free. */
  readonly monitor: GpuMonitor | null;
  onHeldUp(facts: HeldUp): void;
}

/** Who has what, as the admin API shows it. */
export interface CommonRoomSnapshot extends Pick<RoomSnapshot, 'waiting'> {
  readonly gpus: readonly (RoomSnapshot['gpus'][number] & {
    /** As the machine tells; null: it does not. */
    readonly totalBytes: number | null;
    readonly usedBytes: number | null;
  })[];
  /** Models whose need is learned, with the most memory that was seen; null: nothing is known yet. */
  readonly learned: readonly { readonly model: string; readonly peakBytes: number | null }[];
  /** Why the machine could not be asked the last time; null: it could, or is not. */
  readonly fault: string | null;
}

/** How often the memory is looked at while a model loads whose need is to be learned or one waits, and else. */
const busyMs = 2_000;
const restingMs = 15_000;

/** The room that all models of this gateway share, with what is learned of their needs. */
export class CommonRoom {
  readonly #options: CommonRoomOptions;
  readonly #room: SharedRoom;
  readonly #peaks = new PeakMemory();
  readonly #look: MemoryLook;
  readonly #mates = new Map<string, Roommate>();
  #shared: SharedSettings | null;
  #cancel: (() => void) | null = null;
  #isClosed = false;

  constructor(options: CommonRoomOptions) {
    const { clock, shared, monitor, onHeldUp } = options;
    this.#options = options;
    this.#shared = shared;
    this.#look = new MemoryLook(onHeldUp);
    this.#room = new SharedRoom({ clock, settings: this.#settings, gauge: monitor });
    if (monitor !== null) this.#lookLater(monitor);
  }

  /** How a revision takes part, from when it joins until it leaves. */
  accessFor(targetId: string, runtime: RoommateRuntime): RoomAccess {
    const mate = new Roommate(targetId, runtime, this.#peaks);
    return {
      room: { join: (tenant) => this.#join(mate, tenant) },
      terms: () => {
        const mostBytes = Math.max(0, ...this.#settings.gpus.map(({ memoryBytes }) => memoryBytes));
        const group = this.#shared?.groups.find(({ members }) => members.includes(mate.model)) ?? null;
        return { needs: mate.needsNow(mostBytes), group };
      },
      returnAtMs: () => runtime.returnAtMs(),
      makeMoreRoom: (replicaId) => this.#makeMoreRoom(mate, replicaId),
    };
  }

  /** Where a replica is to run; null: it takes no part in the GPUs. Throws where it was granted no room. */
  placeOf(targetId: string, replicaId: string): Place | null {
    const mate = this.#mates.get(targetId);
    const place = this.#room.place(targetId, replicaId);
    if (mate === undefined || !mate.hasNeeds) return null;
    if (place === null) throw new Error('it was granted no room');
    mate.placed(replicaId, place);
    return place;
  }

  /** Something happened to a model: one whose start has ended, well or for good, needs what it says again. */
  happened(model: string, type: ActivationEvent['type']): void {
    if (type !== 'ready' && type !== 'start-failed') return;
    for (const mate of this.#mates.values()) if (mate.model === model) mate.extraBytes = 0;
  }

  /** Takes other budgets and groups; null: nothing is limited any more. */
  configure(shared: SharedSettings | null): void {
    this.#shared = shared;
    this.#room.configure(this.#settings);
  }

  /** Who has what, who waits for what, and what the machine says, in plain JSON. */
  snapshot(): CommonRoomSnapshot {
    const { gpus, waiting } = this.#room.snapshot();
    const { monitor } = this.#options;
    const readingOf = (id: string) => monitor?.readings.find((reading) => namesOf(reading).includes(id));
    return {
      gpus: gpus.map((gpu) => {
        const { totalBytes = null, usedBytes = null } = readingOf(gpu.id) ?? {};
        return { ...gpu, totalBytes, usedBytes };
      }),
      waiting,
      learned: [...this.#mates.values()]
        .filter(({ isLearned }) => isLearned)
        .map(({ model, peakBytes }) => ({ model, peakBytes })),
      fault: monitor?.fault ?? null,
    };
  }

  /** No timer is left, and nobody is asked. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    this.#room.close();
    await this.#options.monitor?.close();
  }

  get #settings(): RoomSettings {
    const { hostBytes = null, maxStarting = null, maxPassMs = 0, gpus = [] } = this.#shared ?? {};
    return { hostBytes, maxStarting, maxPassMs, gpus: gpus === 'auto' ? this.#options.found : gpus };
  }

  /**
   * A start had not enough memory on its GPUs: it gets more room the next time, so that another model goes out of its way.
   * False where no other is there, and where it was given that already.
   */
  #makeMoreRoom(mate: Roommate, replicaId: string): boolean {
    const place = mate.placeOf(replicaId);
    if (place === undefined || mate.extraBytes > 0) return false;
    const gpus = this.#room.snapshot().gpus.filter(({ id }) => place.gpus.includes(id));
    const others = gpus.flatMap(({ holders }) => holders.filter(({ model }) => model !== mate.model));
    if (others.length === 0) return false;
    if (mate.isLearned) mate.unlearn();
    mate.extraBytes = Math.min(...others.map(({ bytes }) => bytes));
    return true;
  }

  #join(mate: Roommate, tenant: Tenant): Seat {
    const seat = this.#room.join(tenant);
    this.#mates.set(mate.targetId, mate);
    return {
      get reason() {
        return seat.reason;
      },
      ask: (desired, isUrgent) => seat.ask(desired, isUrgent),
      changed: () => seat.changed(),
      leave: () => {
        seat.leave();
        if (this.#mates.get(mate.targetId) === mate) this.#mates.delete(mate.targetId);
      },
    };
  }

  #lookLater(monitor: GpuMonitor): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    const mates = [...this.#mates.values()];
    const isLearning = mates.some((mate) => mate.isLearned && mate.replicas.some(({ isReady }) => !isReady));
    const isBusy = isLearning || this.#room.snapshot().waiting.length > 0;
    this.#cancel = clock.setTimer(clock.nowMs() + (isBusy ? busyMs : restingMs), () => {
      void monitor.read().then(() => {
        if (this.#isClosed) return;
        this.#look.take(monitor.readings, [...this.#mates.values()], this.#room.snapshot());
        this.#lookLater(monitor);
      });
    });
  }
}

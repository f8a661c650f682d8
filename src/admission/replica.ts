import type { RecentBlocks } from './choice/recent-blocks.ts';

/** A replica's slots as a gate counts them. */
export class Replica {
  readonly id: string;
  readonly origin: string;
  /** 0 = no limit. */
  limit: number;
  inFlight = 0;
  isSuspended = false;
  /** Takes nothing more and is forgotten at its last release. */
  isLeaving = false;
  /** What its prefix cache is likely to hold; null until prefix affinity needs it. */
  recentBlocks: RecentBlocks | null = null;

  constructor(id: string, origin: string, limit: number) {
    this.id = id;
    this.origin = origin;
    this.limit = limit;
  }

  get isOpen(): boolean {
    return !this.isSuspended && !this.isLeaving;
  }

  get hasRoom(): boolean {
    return this.limit === 0 || this.inFlight < this.limit;
  }
}

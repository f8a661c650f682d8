/** Where a page of a list ended. */
export interface PageEnd {
  readonly createdAtMs: number;
  readonly id: string;
}

/** The `next` of a page whose last one is given: for clients it is opaque. */
export function cursorOf({ createdAtMs, id }: PageEnd): string {
  return Buffer.from(`${createdAtMs} ${id}`).toString('base64url');
}

/** Reads what `cursorOf` wrote; null: it is none. Clients send it, so it may be anything. */
export function readCursor(cursor: string): PageEnd | null {
  const [, createdAtMs, id] = /^(\d{1,16}) (.+)$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  return createdAtMs === undefined || id === undefined ? null : { createdAtMs: Number(createdAtMs), id };
}

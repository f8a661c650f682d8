import type { DocumentQuery, StoredDocument } from '../../core/job-store.ts';
import { ascendingMarks, descendingMarks, idsOf, NamedMarks } from './marks.ts';

/** Documents by kind and id, with the lists they stand in. */
export class Documents {
  readonly #byKey = new Map<string, StoredDocument>();
  readonly #byKind = new NamedMarks(descendingMarks);
  readonly #byTenant = new NamedMarks(descendingMarks);
  readonly #expiring = ascendingMarks();

  get(kind: string, id: string): StoredDocument | null {
    return this.#byKey.get(keyOf(kind, id)) ?? null;
  }

  list({ kind, tenant, after, limit }: DocumentQuery): StoredDocument[] {
    const last = after === undefined ? undefined : this.get(kind, after);
    if (last === null) return [];
    const end = last && { at: last.createdAtMs, id: last.id };
    const marks =
      tenant === null ? this.#byKind.values(kind, end) : this.#byTenant.values(keyOf(kind, tenant), end);
    return idsOf(marks, limit).map((id) => this.get(kind, id)!);
  }

  put(document: Omit<StoredDocument, 'version'>, expected: number): boolean {
    const { kind, id } = document;
    const last = this.get(kind, id);
    if ((last?.version ?? 0) !== expected) return false;
    if (last) this.#move(last, 'delete');
    const next = { ...document, version: expected + 1 };
    this.#byKey.set(keyOf(kind, id), next);
    this.#move(next, 'add');
    return true;
  }

  delete(kind: string, id: string): boolean {
    const last = this.get(kind, id);
    if (!last) return false;
    this.#byKey.delete(keyOf(kind, id));
    this.#move(last, 'delete');
    return true;
  }

  expired(nowMs: number, limit: number): StoredDocument[] {
    return idsOf(this.#expiring.values(), limit, ({ at }) => at <= nowMs).map((key) => this.#byKey.get(key)!);
  }

  #move(document: StoredDocument, act: 'add' | 'delete'): void {
    const { kind, id, tenant, createdAtMs, expiresAtMs } = document;
    this.#byKind[act](kind, { at: createdAtMs, id });
    this.#byTenant[act](keyOf(kind, tenant), { at: createdAtMs, id });
    if (expiresAtMs !== null) this.#expiring[act]({ at: expiresAtMs, id: keyOf(kind, id) });
  }
}

/** Kinds are words of surfaces: they hold no space. */
function keyOf(kind: string, id: string): string {
  return `${kind} ${id}`;
}

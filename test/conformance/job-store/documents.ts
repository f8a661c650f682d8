import { describe, expect, it } from 'vitest';
import type { StoredDocument } from '../../../src/core/job-store.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** Small documents of surfaces. */
export function describeDocuments(suite: JobStoreSuite): void {
  describe('documents', () => {
    const rig = new StoreRig(suite);
    const put = (document: Omit<StoredDocument, 'version'>, expected = 0) =>
      rig.store.documents.put(document, expected);
    const list = async (query: { tenant: string | null; after?: string; limit?: number }) =>
      (await rig.store.documents.list({ kind: 'file', limit: 10, ...query })).map(({ id }) => id);

    it('keeps a document with all it holds, under its kind', async () => {
      const file = document('f1', { expiresAtMs: 9_000, data: { name: 'ü.jsonl', list: [{ a: null }] } });
      expect(await put(file)).toBe(true);
      expect(await rig.store.documents.get('file', 'f1')).toEqual({ ...file, version: 1 });
      expect(await rig.store.documents.get('batch', 'f1')).toBeNull();
      expect(await rig.store.documents.get('file', 'none')).toBeNull();
    });

    it('changes one against the version that stands, and refuses against another', async () => {
      await put(document('f1'));
      expect(await put(document('f1', { data: { step: 2 } }), 0)).toBe(false);
      expect(await put(document('f1', { data: { step: 2 } }), 1)).toBe(true);
      expect(await put(document('f1', { data: { step: 3 } }), 1)).toBe(false);
      expect(await put(document('none'), 1)).toBe(false);
      expect(await rig.store.documents.get('file', 'f1')).toMatchObject({ version: 2, data: { step: 2 } });
      expect(await rig.store.documents.get('file', 'none')).toBeNull();
    });

    it('lets one of many writers at once win', async () => {
      const writers = Array.from({ length: 10 }, (_, by) => put(document('f1', { data: { by } })));
      expect((await Promise.all(writers)).filter((isWritten) => isWritten)).toHaveLength(1);
    });

    it('lists the newest first, then by id, of one tenant or of all, page by page', async () => {
      await put(document('f1', { createdAtMs: 1 }));
      await put(document('f3', { createdAtMs: 3 }));
      await put(document('f2', { createdAtMs: 3 }));
      await put(document('theirs', { createdAtMs: 2, tenant: 'other' }));
      await put(document('f9', { createdAtMs: 9, kind: 'batch' }));
      expect(await list({ tenant: 'app' })).toEqual(['f3', 'f2', 'f1']);
      expect(await list({ tenant: null })).toEqual(['f3', 'f2', 'theirs', 'f1']);
      expect(await list({ tenant: 'app', limit: 2 })).toEqual(['f3', 'f2']);
      expect(await list({ tenant: 'app', after: 'f2' })).toEqual(['f1']);
      expect(await list({ tenant: null, after: 'f2', limit: 1 })).toEqual(['theirs']);
      expect(await list({ tenant: 'app', after: 'gone' })).toEqual([]);
    });

    it('moves one whose tenant or instant changes', async () => {
      await put(document('f1', { createdAtMs: 1, expiresAtMs: 5 }));
      await put(document('f2', { createdAtMs: 2 }));
      await put(document('f1', { createdAtMs: 3, expiresAtMs: null, tenant: 'other' }), 1);
      expect(await list({ tenant: 'app' })).toEqual(['f2']);
      expect(await list({ tenant: 'other' })).toEqual(['f1']);
      expect(await list({ tenant: null })).toEqual(['f1', 'f2']);
      expect(await rig.store.documents.expired(100, 10)).toEqual([]);
    });

    it('deletes one, once, and makes it anew', async () => {
      await put(document('f1', { expiresAtMs: 5 }));
      expect(await rig.store.documents.delete('file', 'f1')).toBe(true);
      expect(await rig.store.documents.delete('file', 'f1')).toBe(false);
      expect(await rig.store.documents.get('file', 'f1')).toBeNull();
      expect(await list({ tenant: null })).toEqual([]);
      expect(await rig.store.documents.expired(100, 10)).toEqual([]);
      expect(await put(document('f1'), 1)).toBe(false);
      expect(await put(document('f1'))).toBe(true);
    });

    it('names those whose time is over, the earliest first, of every kind', async () => {
      await put(document('late', { expiresAtMs: 7_000 }));
      await put(document('early', { expiresAtMs: 5_000, kind: 'batch' }));
      await put(document('kept', { expiresAtMs: null }));
      await put(document('later', { expiresAtMs: 7_001 }));
      const ids = async (nowMs: number, limit: number) =>
        (await rig.store.documents.expired(nowMs, limit)).map(({ id }) => id);
      expect(await ids(4_999, 10)).toEqual([]);
      expect(await ids(7_000, 10)).toEqual(['early', 'late']);
      expect(await ids(7_000, 1)).toEqual(['early']);
    });
  });
}

function document(
  id: string,
  given: Partial<Omit<StoredDocument, 'version'>> = {},
): Omit<StoredDocument, 'version'> {
  return { kind: 'file', id, tenant: 'app', createdAtMs: 1_000, expiresAtMs: null, data: {}, ...given };
}

import { PilotlightError } from '../../core/errors.ts';
import type { DocumentStore, StoredDocument } from '../../core/job-store.ts';

/** Documents that are looked at for one page of a list that is filtered or turned round. */
const maxScanned = 10_000;

const pageSize = 100;

/** What a list of OpenAI's API is asked for. */
export interface ListQuery {
  readonly kind: string;
  readonly tenant: string;
  /** Id of the last one of the page before; null: from the start. */
  readonly after: string | null;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly fits: (document: StoredDocument) => boolean;
}

/** A page of documents, and whether there are more. */
export interface ListPage {
  readonly documents: readonly StoredDocument[];
  readonly hasMore: boolean;
}

/** Reads `after`, `limit` (1 to `maxLimit`) and `order` of a query. Throws bad_request. */
export function readListQuery(
  query: URLSearchParams,
  { defaultLimit, maxLimit }: { readonly defaultLimit: number; readonly maxLimit: number },
): Pick<ListQuery, 'after' | 'limit' | 'order'> {
  const limit = query.get('limit') ?? String(defaultLimit);
  if (!/^\d{1,6}$/.test(limit) || Number(limit) < 1 || Number(limit) > maxLimit) {
    const message = `limit must be a whole number from 1 to ${maxLimit}`;
    throw new PilotlightError('bad_request', message, { param: 'limit' });
  }
  const order = query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc') {
    throw new PilotlightError('bad_request', 'order must be asc or desc', { param: 'order' });
  }
  return { after: query.get('after'), limit: Number(limit), order };
}

/** A page of documents in the order asked for. */
export async function listDocuments(documents: DocumentStore, query: ListQuery): Promise<ListPage> {
  return query.order === 'desc' ? newestFirst(documents, query) : oldestFirst(documents, query);
}

async function newestFirst(documents: DocumentStore, query: ListQuery): Promise<ListPage> {
  const found: StoredDocument[] = [];
  for await (const document of scan(documents, query, query.after)) {
    if (query.fits(document)) found.push(document);
    if (found.length > query.limit) return { documents: found.slice(0, query.limit), hasMore: true };
  }
  return { documents: found, hasMore: false };
}

/** The store lists the newest first: the whole list is turned round. */
async function oldestFirst(documents: DocumentStore, query: ListQuery): Promise<ListPage> {
  const all: StoredDocument[] = [];
  for await (const document of scan(documents, query, null)) all.push(document);
  all.reverse();
  const start = query.after === null ? 0 : all.findIndex(({ id }) => id === query.after) + 1;
  const fitting = all.slice(start).filter(query.fits);
  return { documents: fitting.slice(0, query.limit), hasMore: fitting.length > query.limit };
}

async function* scan(
  documents: DocumentStore,
  { kind, tenant }: ListQuery,
  from: string | null,
): AsyncGenerator<StoredDocument, void, undefined> {
  let after = from;
  for (let seen = 0; seen < maxScanned; seen += pageSize) {
    const page = await documents.list({
      kind,
      tenant,
      limit: pageSize,
      ...(after === null ? {} : { after }),
    });
    yield* page;
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return;
    after = last.id;
  }
}

/** OpenAI's list object around what was rendered of a page. */
export function renderList(data: readonly object[], page: ListPage): object {
  const { documents, hasMore } = page;
  return {
    object: 'list',
    data,
    first_id: documents[0]?.id ?? null,
    last_id: documents.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

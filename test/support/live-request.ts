import { ErrandAnswer } from '../../src/errand-answer.ts';
import { readWhole } from '../../src/protocols/read-whole.ts';
import type { DataPath } from './data-path.ts';

/** A live request to the model `m`, with these fields; resolves with its whole answer. */
export async function askLive(path: DataPath, headers: Readonly<Record<string, string>>): Promise<Buffer> {
  const call = {
    method: 'POST',
    path: '/',
    contentType: '',
    headers,
    body: Buffer.alloc(0),
    isStream: false,
  };
  const answer = new ErrandAnswer(
    path.pipeline,
    { requestId: 'live', key: null, model: 'm', call, priority: 1, patienceMs: null, runLimit: null },
    new AbortController().signal,
  );
  await answer.head;
  return await readWhole(answer);
}

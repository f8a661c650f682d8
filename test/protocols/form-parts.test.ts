import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formParts, partText } from '../../src/protocols/form-parts.ts';

const type = 'multipart/form-data; boundary=edge';

async function* piecesOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, end);
    at = end;
  }
}

async function read(
  bytes: Buffer,
  sizes: readonly number[] = [64],
): Promise<[string, string | null, Buffer][]> {
  const parts: [string, string | null, Buffer][] = [];
  for await (const part of formParts(type, piecesOf(bytes, sizes))) {
    const chunks: Buffer[] = [];
    for await (const chunk of part.content) chunks.push(Buffer.from(chunk));
    parts.push([part.name, part.filename, Buffer.concat(chunks)]);
  }
  return parts;
}

function part(head: string, content: Buffer | string): Buffer {
  return Buffer.concat([
    Buffer.from(`--edge\r\ncontent-disposition: form-data; ${head}\r\n\r\n`),
    Buffer.from(content as string),
    Buffer.from('\r\n'),
  ]);
}

const end = Buffer.from('--edge--\r\n');

describe('the parts of a form', () => {
  it('are the same however the form is cut, with contents that look like a boundary', async () => {
    const content = fc.array(
      fc.oneof(
        fc.constantFrom('\r\n', '--edge', '\r\n--edg', '--', 'x'),
        fc.string({ unit: 'binary', maxLength: 9 }),
      ),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(content, sizes, async (pieces, cuts) => {
        const text = pieces.join('').replaceAll('\r\n--edge', '?');
        const form = Buffer.concat([
          part('name="file"; filename="a.jsonl"', text),
          part('name="purpose"', 'batch'),
          end,
        ]);
        expect(await read(form, cuts)).toEqual([
          ['file', 'a.jsonl', Buffer.from(text)],
          ['purpose', null, Buffer.from('batch')],
        ]);
      }),
    );
  });

  it('come one after the other though a consumer leaves a content unread', async () => {
    const form = Buffer.concat([part('name="a"', 'x'.repeat(500)), part('name="b"', 'yes'), end]);
    const names: string[] = [];
    for await (const one of formParts(type, piecesOf(form, [16]))) {
      names.push(one.name);
      for await (const _chunk of one.content) break;
    }
    expect(names).toEqual(['a', 'b']);
  });

  it('are refused when the form is cut short, in a head or a content', async () => {
    const form = Buffer.concat([part('name="a"', 'content'), end]);
    for (const length of [3, 20, 60, form.length - 6]) {
      await expect(read(form.subarray(0, length))).rejects.toMatchObject({ code: 'invalid_body' });
    }
  });

  it('are refused without a name, with a head too long, and for another type', async () => {
    await expect(read(Buffer.concat([part('filename="x"', 'y'), end]))).rejects.toMatchObject({
      code: 'invalid_body',
    });
    const long = Buffer.concat([part(`name="${'n'.repeat(9_000)}"`, 'y'), end]);
    await expect(read(long)).rejects.toMatchObject({ code: 'invalid_body' });
    const other = formParts('application/json', piecesOf(end, [9]));
    await expect(other.next()).rejects.toMatchObject({ code: 'invalid_body' });
  });

  it('have texts up to a bound', async () => {
    const form = Buffer.concat([part('name="purpose"', 'batch'), end]);
    const texts: string[] = [];
    for await (const one of formParts(type, piecesOf(form, [7]))) texts.push(await partText(one, 5));
    expect(texts).toEqual(['batch']);
    const tooLong = async () => {
      for await (const one of formParts(type, piecesOf(form, [7]))) await partText(one, 4);
    };
    await expect(tooLong()).rejects.toMatchObject({ code: 'invalid_body' });
  });
});

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../../src/core/blobs.ts';
import { openDirectoryBlobs } from '../../../src/stores/directory/blobs.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { smallDisk } from '../../support/small-disk.ts';

const dayMs = 86_400_000;

describe('blobs in a directory', () => {
  const signal = new AbortController().signal;
  let folder: string;
  let dir: string;
  let blobs: BlobStore;
  let clock: ManualClock;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pilotlight-blobs-'));
    dir = join(folder, 'state', 'blobs');
    clock = new ManualClock();
    blobs = openDirectoryBlobs({ dir, clock });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const pathOf = (id: string) => join(dir, id.slice(0, 2), id);
  const age = (id: string, ms: number) => {
    const at = new Date(clock.wallMs() - ms);
    return utimes(pathOf(id), at, at);
  };
  const files = async () =>
    (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

  it('keeps what was written, with its size and digest', async () => {
    const pieces = [
      Buffer.alloc(200_000, 'a'),
      Buffer.alloc(0),
      Buffer.from([0, 255]),
      Buffer.alloc(70_000, 'b'),
    ];
    const whole = Buffer.concat(pieces);
    const blob = await blobs.write(sourceOf(pieces), whole.length, signal);
    expect(blob).toMatchObject({
      bytes: whole.length,
      sha256: createHash('sha256').update(whole).digest('hex'),
    });
    expect((await readAll(blobs, blob.id)).equals(whole)).toBe(true);
    expect((await readAll(blobs, blob.id, 199_999)).equals(whole.subarray(199_999))).toBe(true);
    expect(await readAll(blobs, blob.id, whole.length + 5)).toHaveLength(0);
  });

  it('keeps an empty one', async () => {
    const { id, bytes } = await blobs.write(sourceOf([]), 0, signal);
    expect([bytes, (await readAll(blobs, id)).length]).toEqual([0, 0]);
  });

  it('has it when the folder is opened again', async () => {
    const { id } = await blobs.write(sourceOf([Buffer.from('kept')]), 10, signal);
    expect(String(await readAll(openDirectoryBlobs({ dir, clock }), id))).toBe('kept');
  });

  it('shows files and folders to their owner alone', async () => {
    const { id } = await blobs.write(sourceOf([Buffer.from('x')]), 10, signal);
    const modes = await Promise.all([dir, join(dir, id.slice(0, 2)), pathOf(id)].map((path) => stat(path)));
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '700', '600']);
  });

  it('gives ids that cannot be guessed', async () => {
    const written = Array.from({ length: 20 }, () => blobs.write(sourceOf([]), 0, signal));
    const ids = (await Promise.all(written)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{40}$/);
  });

  it('refuses more than was allowed, and leaves nothing of it', async () => {
    const source = sourceOf([Buffer.alloc(8), Buffer.alloc(8)]);
    await expect(blobs.write(source, 15, signal)).rejects.toMatchObject({ code: 'body_too_large' });
    expect(await files()).toBe(0);
  });

  it('leaves nothing of what its source broke off, and says why as the source did', async () => {
    const broken = new Error('the client has gone');
    const source = (async function* () {
      yield Buffer.from('half');
      throw broken;
    })();
    await expect(blobs.write(source, 100, signal)).rejects.toBe(broken);
    expect(await files()).toBe(0);
  });

  it('ends with the signal although the source stands still, and leaves nothing', async () => {
    const abort = new AbortController();
    const begun = Promise.withResolvers<void>();
    const source = (async function* () {
      yield Buffer.from('half');
      begun.resolve();
      await new Promise(() => undefined);
    })();
    const written = blobs.write(source, 100, abort.signal);
    await begun.promise;
    abort.abort(new Error('enough'));
    await expect(written).rejects.toThrow('enough');
    expect(await files()).toBe(0);
    await expect(blobs.write(source, 100, abort.signal)).rejects.toThrow('enough');
  });

  it.each(['none', '../../etc/passwd', 'f'.repeat(40)])('has no blob %j', async (id) => {
    await expect(readAll(blobs, id)).rejects.toMatchObject({ code: 'file_not_found' });
    await blobs.delete(id);
  });

  it('deletes one, while a reader that has begun reads on', async () => {
    const whole = Buffer.alloc(300_000, 'r');
    const { id } = await blobs.write(sourceOf([whole]), 1_000_000, signal);
    const reader = blobs.read(id)[Symbol.asyncIterator]();
    let bytes = (await reader.next()).value?.length ?? 0;
    await blobs.delete(id);
    await blobs.delete(id);
    for (let next = await reader.next(); !next.done; next = await reader.next()) bytes += next.value.length;
    expect(bytes).toBe(whole.length);
    await expect(readAll(blobs, id)).rejects.toMatchObject({ code: 'file_not_found' });
  });

  it('collects what nobody knows and is old, and nothing else', async () => {
    const write = async () => (await blobs.write(sourceOf([Buffer.from('x')]), 10, signal)).id;
    const [used, unused, fresh] = [await write(), await write(), await write()];
    for (const id of [used, unused]) await age(id, dayMs + 1_000);
    await age(fresh, dayMs - 1_000);
    await writeFile(join(dir, 'README'), 'not ours');
    const asked: string[] = [];
    const isUsed = async (id: string) => asked.push(id) > 0 && id === used;
    expect(await blobs.collect(isUsed, dayMs)).toBe(1);
    expect(asked.toSorted()).toEqual([used, unused].toSorted());
    await expect(readAll(blobs, unused)).rejects.toMatchObject({ code: 'file_not_found' });
    expect(await files()).toBe(3);
  });

  it('collects from a folder that is not there yet', async () => {
    expect(await blobs.collect(async () => false, 0)).toBe(0);
  });

  it.each([-dayMs * 2, dayMs * 2])(
    'collects nothing new when the wall clock jumps by %i ms',
    async (jumpMs) => {
      const { id } = await blobs.write(sourceOf([Buffer.from('x')]), 10, signal);
      const wall = clock.wallMs.bind(clock);
      clock.wallMs = () => wall() + jumpMs;
      await age(id, 1_000);
      expect(await blobs.collect(async () => false, dayMs)).toBe(0);
      expect(String(await readAll(blobs, id))).toBe('x');
    },
  );

  it('says that it is unavailable where its folder cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    const within = openDirectoryBlobs({ dir: join(folder, 'file', 'blobs'), clock });
    await expect(within.write(sourceOf([]), 0, signal)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('file/blobs'),
    });
  });

  it('says that it is full, leaves nothing, and goes on when there is room', async ({ skip }) => {
    const disk = await smallDisk(262_144);
    if (!disk) return skip();
    try {
      const onDisk = openDirectoryBlobs({ dir: join(disk.dir, 'blobs'), clock });
      const large = () => onDisk.write(sourceOf([Buffer.alloc(150_000)]), 1e9, signal);
      const { id } = await large();
      await expect(large()).rejects.toMatchObject({ code: 'store_full' });
      await onDisk.delete(id);
      await large();
    } finally {
      await disk.remove();
    }
  });
});

async function* sourceOf(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function readAll(blobs: BlobStore, id: string, fromByte?: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of blobs.read(id, fromByte)) pieces.push(piece);
  return Buffer.concat(pieces);
}

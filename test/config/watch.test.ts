import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchConfig } from '../../src/config/watch.ts';

describe('watching the configuration', () => {
  let folder: string;
  let file: string;
  let close: () => void;
  /** What the file held each time a change was told. */
  let seen: string[];

  const start = () => {
    close = watchConfig(file, () => seen.push(readFileSync(file, 'utf8'))).close;
  };
  const isSeen = (text: string) => vi.waitFor(() => expect(seen).toContain(text), 10_000);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pilotlight-watch-'));
    file = join(folder, 'pilotlight.yaml');
    seen = [];
  });

  afterEach(() => {
    close();
    rmSync(folder, { recursive: true });
  });

  it('tells once of a write in several steps', async () => {
    writeFileSync(file, 'a');
    start();
    writeFileSync(file, 'b');
    writeFileSync(file, 'c');
    await isSeen('c');
    expect(seen).toEqual(['c']);
  });

  it('goes on after the file was replaced by rename', async () => {
    writeFileSync(file, 'a');
    start();
    for (const text of ['b', 'c', 'd']) {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
      await isSeen(text);
    }
  });

  it("sees a ConfigMap's link being swapped, again and again", async () => {
    const data = join(folder, '..data');
    const publish = (version: string) => {
      mkdirSync(join(folder, `..${version}`));
      writeFileSync(join(folder, `..${version}`, 'pilotlight.yaml'), version);
      symlinkSync(`..${version}`, `${data}_tmp`);
      renameSync(`${data}_tmp`, data);
    };
    publish('v0');
    symlinkSync(join('..data', 'pilotlight.yaml'), file);
    start();
    for (const version of ['v1', 'v2', 'v3']) {
      publish(version);
      await isSeen(version);
    }
  });

  it('sees a change of the file that a link in another folder leads to, and tells of it once', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'pilotlight-watch-'));
    try {
      const target = join(elsewhere, 'real.yaml');
      writeFileSync(target, 'a');
      symlinkSync(target, file);
      start();
      writeFileSync(target, 'b');
      await isSeen('b');
      writeFileSync(`${target}.new`, 'c');
      renameSync(`${target}.new`, target);
      await isSeen('c');
      expect(seen).toEqual(['b', 'c']);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('sees the file come back after its folder was replaced', async () => {
    writeFileSync(file, 'a');
    start();
    renameSync(folder, `${folder}.old`);
    mkdirSync(folder);
    writeFileSync(file, 'b');
    await isSeen('b');
    rmSync(`${folder}.old`, { recursive: true });
  });

  it('is neither held up nor woken by another file that is written all the time', async () => {
    writeFileSync(file, 'a');
    start();
    let writes = 0;
    const writer = setInterval(() => writeFileSync(join(folder, 'pilotlight.log'), String(writes++)), 10);
    try {
      writeFileSync(file, 'b');
      await isSeen('b');
      const before = writes;
      await vi.waitFor(() => expect(writes).toBeGreaterThan(before + 30), 10_000);
      expect(seen).toEqual(['b']);
    } finally {
      clearInterval(writer);
    }
  });

  it('says nothing after it was closed, not even of what it has just seen', async () => {
    const told = vi.fn();
    writeFileSync(file, 'a');
    start();
    const other = watchConfig(file, told);
    writeFileSync(file, 'b');
    close();
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), 10_000);
    other.close();
    expect(seen).toEqual([]);
  });
});

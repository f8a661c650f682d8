import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchConfig } from '../../src/config/watch.ts';

describe('watching the configuration', () => {
  let folder: string;
  let close: () => void;
  const onChange = vi.fn();

  const start = (file: string) => {
    onChange.mockClear();
    close = watchConfig(file, onChange).close;
  };
  const changes = (count: number) => vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(count), 5_000);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pilotlight-watch-'));
  });

  afterEach(async () => {
    close();
    await rm(folder, { recursive: true });
  });

  it('tells once of a write in several steps', async () => {
    const file = join(folder, 'pilotlight.yaml');
    await writeFile(file, 'a');
    start(file);
    await writeFile(file, 'b');
    await writeFile(file, 'c');
    await changes(1);
  });

  it('goes on after the file was replaced by rename', async () => {
    const file = join(folder, 'pilotlight.yaml');
    await writeFile(file, 'a');
    start(file);
    for (const round of [1, 2, 3]) {
      await writeFile(`${file}.new`, String(round));
      await rename(`${file}.new`, file);
      await changes(round);
    }
  });

  it("sees a ConfigMap's link being swapped, again and again", async () => {
    const data = join(folder, '..data');
    await mkdir(join(folder, '..v0'));
    await writeFile(join(folder, '..v0', 'pilotlight.yaml'), '0');
    await symlink('..v0', data);
    await symlink(join('..data', 'pilotlight.yaml'), join(folder, 'pilotlight.yaml'));
    start(join(folder, 'pilotlight.yaml'));
    for (const round of [1, 2, 3]) {
      await mkdir(join(folder, `..v${round}`));
      await writeFile(join(folder, `..v${round}`, 'pilotlight.yaml'), String(round));
      await symlink(`..v${round}`, `${data}_tmp`);
      await rename(`${data}_tmp`, data);
      await changes(round);
    }
  });

  it('is not held up by another file that is written all the time', async () => {
    const file = join(folder, 'pilotlight.yaml');
    const log = join(folder, 'pilotlight.log');
    await writeFile(file, 'a');
    start(file);
    let writes = 0;
    const writer = setInterval(() => void writeFile(log, String(writes++)), 10);
    try {
      await writeFile(file, 'b');
      await changes(1);
      const writesBefore = writes;
      await vi.waitFor(() => expect(writes).toBeGreaterThan(writesBefore + 30), 5_000);
      expect(onChange).toHaveBeenCalledTimes(1);
    } finally {
      clearInterval(writer);
    }
  });

  it('says nothing after it was closed, not even of what it has just seen', async () => {
    const file = join(folder, 'pilotlight.yaml');
    const sentinel = vi.fn();
    await writeFile(file, 'a');
    start(file);
    const second = watchConfig(file, sentinel);
    await writeFile(file, 'b');
    close();
    await vi.waitFor(() => expect(sentinel).toHaveBeenCalled(), 5_000);
    second.close();
    expect(onChange).not.toHaveBeenCalled();
  });
});

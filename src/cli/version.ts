import { readFile } from 'node:fs/promises';

/** `pilotlight version`: the package's version, from sources and from dist alike. */
export async function version(): Promise<void> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  process.stdout.write(`${(JSON.parse(text) as { version: string }).version}\n`);
}

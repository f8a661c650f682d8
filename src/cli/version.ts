import { readFile } from 'node:fs/promises';

/** The package's version, from sources and from dist alike. */
export async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** `pilotlight version`. */
export async function version(): Promise<void> {
  process.stdout.write(`${await readVersion()}\n`);
}

import { stripVTControlCharacters } from 'node:util';

const maxLineChars = 300;

/** What a kubelet writes in place of a log that it has deleted, with status 200. */
const placeholder = /^unable to retrieve container logs for /i;

/**
 * The last line of a log that says something, without colours and control characters, of at most 300 characters; null
 * where there is none. Of a line that was written over (a progress bar) it is what stood there last.
 */
export function lastLogLine(log: string): string | null {
  const lines = stripVTControlCharacters(log)
    .split(/[\n\r\u2028\u2029]/)
    .map((line) => line.replaceAll(/\s+/g, ' ').replaceAll(/\p{C}/gu, '').trim())
    .filter((line) => line !== '' && !placeholder.test(line));
  const last = lines.at(-1);
  if (last === undefined) return null;
  const chars = [...last];
  return chars.length > maxLineChars ? `${chars.slice(0, maxLineChars).join('')}…` : last;
}

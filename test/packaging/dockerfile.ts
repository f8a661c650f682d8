import { readFileSync } from 'node:fs';

/** One instruction of the Dockerfile. */
interface Step {
  readonly keyword: string;
  readonly text: string;
}

/** The Dockerfile's instructions in order. */
export const steps: readonly Step[] = readFileSync('Dockerfile', 'utf8')
  .replaceAll('\\\n', '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [keyword = '', ...words] = line.split(' ');
    return { keyword, text: words.join(' ') };
  });

/** COPY without other options than --from. */
export function readCopy(text: string) {
  const words = text.split(' ');
  const from = words[0]!.startsWith('--from=') ? words.shift()!.slice('--from='.length) : null;
  return { from, target: words.pop()!, sources: words };
}

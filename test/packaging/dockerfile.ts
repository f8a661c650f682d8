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

/** FROM: the image or earlier stage that it begins with, and its own name; the last stage has none. */
export function readFrom(text: string): { readonly base: string; readonly stage: string } {
  const [base = '', , stage = ''] = text.split(' ');
  return { base, stage };
}

/** The instructions that make a stage, those of the stages that it begins with first. */
export function stepsOf(stage: string): readonly Step[] {
  const isStart = ({ keyword, text }: Step) => keyword === 'FROM' && readFrom(text).stage === stage;
  const start = steps.findLastIndex(isStart);
  if (start < 0) return [];
  const rest = steps.slice(start + 1);
  const end = rest.findIndex(({ keyword }) => keyword === 'FROM');
  const { base } = readFrom(steps[start]!.text);
  return [...(base === stage ? [] : stepsOf(base)), ...(end < 0 ? rest : rest.slice(0, end))];
}

/** COPY without other options than --from. */
export function readCopy(text: string) {
  const words = text.split(' ');
  const from = words[0]!.startsWith('--from=') ? words.shift()!.slice('--from='.length) : null;
  return { from, target: words.pop()!, sources: words };
}

import { describe, expect, it } from 'vitest';
import { lastLogLine } from '../../../src/drivers/kubernetes/fault-log-line.ts';

describe('the last line of a log', () => {
  it.each<[string, string, string | null]>([
    ['is the last', 'Loading\nno CUDA device\n', 'no CUDA device'],
    ['is the last that says something', 'no CUDA device\r\n  \n\t\n\n', 'no CUDA device'],
    ['is what stands there without a line feed', 'Loading\nno CUDA dev', 'no CUDA dev'],
    ['is none of a log that says nothing', '\n \u0000\n', null],
    ['is none of a log that is empty', '', null],
    [
      'is without colours and other sequences',
      '\u001b[1;31mERROR\u001b[0m \u001b]8;;https://x\u0007no device\u001b]8;;\u0007',
      'ERROR no device',
    ],
    ['is without control characters', 'no\u0000 CUDA\u0008\u009b\u202e device\u200b', 'no CUDA device'],
    ['is what a line was written over with', 'Loading 10 %\rLoading 20 %\r', 'Loading 20 %'],
    ['has one space for any other', 'no\tCUDA \u00a0 device', 'no CUDA device'],
    [
      'is not what a kubelet says of a log that is gone',
      'no CUDA device\nunable to retrieve container logs for containerd://4f1c',
      'no CUDA device',
    ],
  ])('%s', (_name, log, line) => {
    expect(lastLogLine(log)).toBe(line);
  });

  it('is cut after 300 characters, between two of them', () => {
    expect(lastLogLine('😀'.repeat(300))).toBe('😀'.repeat(300));
    expect(lastLogLine('😀'.repeat(301))).toBe(`${'😀'.repeat(300)}…`);
  });
});

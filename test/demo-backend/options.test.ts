import { describe, expect, it } from 'vitest';
import { parseDemoArgs } from '../../src/demo-backend/options.ts';

describe('the flags of demo-backend', () => {
  it('may all be left out', () => {
    expect(parseDemoArgs([])).toEqual({
      host: '127.0.0.1',
      port: 8000,
      model: 'demo',
      loadTimeMs: 3_000,
      firstTokenMs: 80,
      tokensPerSecond: 50,
      answerTokens: 24,
      slots: 4,
      hasSleepMode: false,
      wakeTimeMs: 200,
      reloadTimeMs: 1_000,
      failing: [],
    });
  });

  it('are read with a space or an equals sign, in any order', () => {
    const argv =
      '--slots=2 --port 8123 --host ::1 --model=demo-large --load-time 1.5s --first-token=250ms ' +
      '--sleep-mode on --wake-time=2s --reload-time 5s --failing /wake_up,/sleep?level=2';
    expect(parseDemoArgs([...argv.split(' '), '--tokens-per-second', '12.5', '--tokens', '7'])).toEqual({
      host: '::1',
      port: 8123,
      model: 'demo-large',
      loadTimeMs: 1_500,
      firstTokenMs: 250,
      tokensPerSecond: 12.5,
      answerTokens: 7,
      slots: 2,
      hasSleepMode: true,
      wakeTimeMs: 2_000,
      reloadTimeMs: 5_000,
      failing: ['/wake_up', '/sleep?level=2'],
    });
  });

  it('take minutes, and the last of a repeated one', () => {
    expect(parseDemoArgs(['--load-time', '1s', '--load-time', '2m']).loadTimeMs).toBe(120_000);
  });

  it.each([
    [['--prot', '1'], /^unknown flag --prot; the flags are --host, --port, /],
    [['--constructor', '1'], /^unknown flag --constructor;/],
    [['serve'], 'unexpected argument "serve"'],
    [['--port'], '--port needs a value'],
    [['--port', '70000'], '--port: "70000" is not a whole number from 0 to 65535'],
    [['--slots', '0'], '--slots: "0" is not a whole number from 1 to 10000'],
    [['--tokens', '2.5'], '--tokens: "2.5" is not a whole number from 1 to 1000000'],
    [['--tokens-per-second', '0'], '--tokens-per-second: "0" is not a number above 0'],
    [['--load-time', '3'], '--load-time: "3" is not a duration such as 80ms, 3s or 1m'],
    [['--sleep-mode', 'yes'], '--sleep-mode: "yes" is not on or off'],
    [['--failing='], '--failing: must not be empty'],
    [['--model='], '--model: must not be empty'],
  ])('%j is refused in one line', (argv, message) => {
    expect(() => parseDemoArgs(argv)).toThrow(message);
    expect(() => parseDemoArgs(argv)).toThrow(/^[^\n]+$/);
  });
});

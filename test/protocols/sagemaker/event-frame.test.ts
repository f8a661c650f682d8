import { expect, it } from 'vitest';
import { eventFrame, payloadPart, streamException } from '../../../src/protocols/sagemaker/event-frame.ts';

const payload = Buffer.from("{'foo':'bar'}");

/** Of the encoding's own test vectors (aws-c-event-stream and the SDKs that have copies of them). */
it.each([
  ['a message of nothing', eventFrame({}, Buffer.alloc(0)), '000000100000000005c248eb7d98c8ff'],
  [
    'a payload without fields',
    eventFrame({}, payload),
    '0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936',
  ],
  [
    'a field before a payload',
    eventFrame({ 'content-type': 'application/json' }, payload),
    '0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1',
  ],
])('%s is written as the vectors have it', (_what, frame, hex) => {
  expect(frame.toString('hex')).toBe(hex);
});

it('is as long as its first four bytes say, whatever is in it', () => {
  for (const frame of [
    payloadPart(Buffer.alloc(70_000)),
    streamException('ModelStreamError', { Message: 'é' }),
  ]) {
    expect(frame.readUInt32BE(0)).toBe(frame.length);
  }
});

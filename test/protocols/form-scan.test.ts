import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PilotlightError } from '../../src/core/errors.ts';
import type { Intent } from '../../src/core/protocol.ts';
import { FormScanner } from '../../src/protocols/form-scan.ts';

interface Form {
  readonly contentType: string;
  readonly body: Buffer;
}

/** A body as the platform's FormData is sent. */
async function platformForm(fill: (form: FormData) => void): Promise<Form> {
  const form = new FormData();
  fill(form);
  const response = new Response(form);
  const contentType = response.headers.get('content-type') ?? '';
  return { contentType, body: Buffer.from(await response.arrayBuffer()) };
}

/** A form of the boundary `b`, written by hand. */
function form(body: string, contentType = 'multipart/form-data; boundary=b'): Form {
  return { contentType, body: Buffer.from(body) };
}

function scan({ contentType, body }: Form, chunkSizes: readonly number[] = []): Intent {
  const scanner = new FormScanner(contentType);
  let at = 0;
  for (const size of [...chunkSizes, body.length]) {
    // A copy that is wiped afterwards: the scanner may not rely on the caller's memory.
    const chunk = Buffer.from(body.subarray(at, at + size));
    const found = scanner.push(chunk);
    chunk.fill(0);
    if (found !== 'more') return found;
    at += size;
  }
  return scanner.end();
}

function outcome(...input: Parameters<typeof scan>): Intent | string {
  try {
    return scan(...input);
  } catch (error) {
    if (error instanceof PilotlightError) return error.code;
    throw error;
  }
}

function spanText({ body }: Form, { modelSpan }: Intent): string | null {
  return modelSpan === null ? null : body.toString('utf8', modelSpan.start, modelSpan.end);
}

const audio = new Blob([Buffer.from('RIFF\r\n--\r\n\r\n----------------------------------\0\xff', 'latin1')]);
const modelPart = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n';

describe('FormScanner', () => {
  it.each([
    ['before the file', ['model', 'file']],
    ['after the file', ['file', 'model']],
  ])('finds the model %s in a form of the platform', async (_case, order) => {
    const sent = await platformForm((data) => {
      for (const field of order) {
        if (field === 'file') data.set('file', audio, 'a "quoted";name="model".wav');
        else data.set('model', 'whisper-é');
      }
    });
    const intent = scan(sent);
    expect(intent).toMatchObject({ model: 'whisper-é', modelEncoding: 'form', promptSpan: null });
    expect(spanText(sent, intent)).toBe('whisper-é');
  });

  it('returns as soon as the model is complete, before the file has come', async () => {
    const sent = await platformForm((data) => {
      data.set('model', 'whisper');
      data.set('file', audio, 'a.wav');
    });
    const scanner = new FormScanner(sent.contentType);
    const fileStart = sent.body.indexOf('filename=');
    expect(scanner.push(sent.body.subarray(0, fileStart))).toMatchObject({ model: 'whisper' });
  });

  it('takes stream where it comes before the model', async () => {
    const streamFirst = await platformForm((data) => {
      data.set('stream', 'true');
      data.set('model', 'whisper');
    });
    expect(scan(streamFirst).isStream).toBe(true);
    const notAsked = await platformForm((data) => {
      data.set('stream', 'false');
      data.set('model', 'whisper');
    });
    expect(scan(notAsked).isStream).toBe(false);
  });

  it('lets the first of two models decide', async () => {
    const sent = await platformForm((data) => {
      data.append('model', 'first');
      data.append('model', 'second');
    });
    expect(scan(sent).model).toBe('first');
  });

  it('takes no file for the model', async () => {
    const sent = await platformForm((data) => {
      data.append('model', new Blob(['evil']), 'model.txt');
      data.append('model', 'whisper');
    });
    expect(scan(sent).model).toBe('whisper');
  });

  it('takes a part with an encoded file name for a file', () => {
    const file = "--b\r\ncontent-disposition: form-data; name=model; filename*=UTF-8''a.txt\r\n\r\nevil\r\n";
    expect(scan(form(`${file}${modelPart}--b--`)).model).toBe('whisper');
  });

  it('gives the same result whatever the chunks', async () => {
    const sent = await platformForm((data) => {
      data.set('file', audio, 'a.wav');
      data.set('stream', 'true');
      data.set('model', 'whisper-é');
      data.set('language', 'en');
    });
    const whole = scan(sent);
    expect(scan(sent, Array(sent.body.length).fill(1))).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 40 }), (sizes) => {
        expect(scan(sent, sizes)).toEqual(whole);
      }),
    );
  });

  it('gives the same result for broken forms whatever the chunks', () => {
    const alphabet = fc.constantFrom('\r\n', '--b', '--', 'x', ' ', modelPart, '\r\n\r\n', '--b--', 'a: b');
    fc.assert(
      fc.property(
        fc.array(alphabet, { maxLength: 12 }),
        fc.array(fc.nat(9), { maxLength: 30 }),
        (parts, sizes) => {
          const sent = form(parts.join(''));
          expect(outcome(sent, sizes)).toEqual(outcome(sent));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a quoted boundary', 'multipart/form-data; boundary="b"'],
    ['other parameters and cases', 'Multipart/Form-Data; charset=utf-8; Boundary=b;'],
  ])('reads %s', (_case, contentType) => {
    expect(scan(form(`${modelPart}--b--\r\n`, contentType)).model).toBe('whisper');
  });

  it('takes a preamble, padding behind a boundary and a head in other letters', () => {
    const body = '--bait\r\nhello\r\n--b \t\r\ncontent-DISPOSITION:form-data;name=model\r\n\r\nm\r\n--b--';
    expect(scan(form(`preamble --b\r\n${body.slice(8)}`)).model).toBe('m');
  });

  it('refuses a content-type that is no form or names no boundary', () => {
    const wrong = [
      '',
      'application/json',
      'multipart/mixed; boundary=b',
      'multipart/form-data',
      'multipart/form-data; boundary=""',
    ];
    for (const contentType of [...wrong, 'multipart/form-data; boundary=b; boundary=c']) {
      expect(() => new FormScanner(contentType)).toThrow(expect.objectContaining({ code: 'invalid_body' }));
    }
  });

  it.each([
    ['an empty body', '', 'the form is cut short at byte 0'],
    ['a body without a boundary', 'model=whisper', 'the form is cut short at byte 13'],
    ['a form cut short in the model', modelPart.slice(0, -4), 'the form is cut short at byte 58'],
    ['a boundary that goes on', '--bx\r\n', 'a boundary that does not end its line at byte 3'],
    ['a header without a colon', '--b\r\nnothing\r\n\r\n', 'a broken header of a part at byte 3'],
    ['a folded header', '--b\r\nA: b\r\n c: d\r\n\r\n', 'a broken header of a part at byte 3'],
    [
      'a disposition of another type',
      '--b\r\ncontent-disposition: attachment; name=model\r\n\r\n',
      'a broken content-disposition at byte 3',
    ],
    [
      'two names in one part',
      '--b\r\ncontent-disposition: form-data; name=file; name=model\r\n\r\n',
      'a broken content-disposition at byte 3',
    ],
    [
      'an encoded model',
      '--b\r\nContent-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64\r\n\r\n',
      'an encoded model field at byte 3',
    ],
    ['an endless head', `--b\r\n${'a'.repeat(9000)}`, 'the head of a part longer than 8192 bytes at byte 3'],
    ['endless padding', `--b${' '.repeat(300)}`, 'a boundary line too long at byte 3'],
    [
      'an endless model',
      `--b\r\ncontent-disposition: form-data; name=model\r\n\r\n${'a'.repeat(5000)}`,
      'model longer than 4096 bytes at byte 51',
    ],
  ])('refuses %s and says at which byte', (_case, body, what) => {
    expect(() => scan(form(body))).toThrow(
      expect.objectContaining({ code: 'invalid_body', message: `invalid body: ${what}` }),
    );
  });

  it('refuses a name that is not UTF-8', () => {
    const body = Buffer.from(modelPart.replace('whisper', 'whisp\u00e9r').concat('--b--'), 'latin1');
    expect(() => scan({ ...form(''), body })).toThrow('a model name that is not UTF-8');
  });

  it.each([
    ['names none', '--b\r\ncontent-disposition: form-data; name=x\r\n\r\ny\r\n--b--\r\nepilogue'],
    ['has no parts', '--b--\r\n'],
    ['names an empty one', '--b\r\ncontent-disposition: form-data; name=model\r\n\r\n\r\n--b--'],
  ])('says model_required where the form %s', (_case, body) => {
    expect(() => scan(form(body))).toThrow(
      expect.objectContaining({ code: 'model_required', param: 'model' }),
    );
  });

  it('keeps none of an upload of 64 MiB', () => {
    const scanner = new FormScanner('multipart/form-data; boundary=b');
    scanner.push(Buffer.from('--b\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\n'));
    const chunk = Buffer.alloc(1024 * 1024, '\r\n--');
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let count = 0; count < 64; count += 1) {
      scanner.push(chunk);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(scanner.push(Buffer.from(`\r\n${modelPart}--b--`))).toMatchObject({ model: 'whisper' });
    expect(most).toBeLessThan(4 * 1024 * 1024);
  });
});

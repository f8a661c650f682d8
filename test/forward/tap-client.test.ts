import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answerTo, chunkedHead, closers, open, RecordingHandler, send, writeParts } from './tap-fixture.ts';

describe('TapClient over several responses', () => {
  it('keeps a connection whose response was relayed, and taps each response anew', async () => {
    const { pool, backend } = await open((socket, _head, index) =>
      index % 3 === 2
        ? writeParts(socket, ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n', '7'])
        : writeParts(socket, [
            chunkedHead,
            `1\r\n${index}\r\n`,
            index % 2 === 0 ? '0\r\n\r\n' : '1;e\r\nx\r\n0\r\n\r\n',
          ]),
    );
    const bodies: string[] = [];
    for (let i = 0; i < 9; i++) bodies.push((await send(pool)).body);
    expect(bodies).toEqual(['0', '1x', '7', '3x', '4', '7', '6', '7x', '7']);
    expect(backend.connections).toHaveLength(1);
  });

  it('does not give bytes after the end to the next request', async () => {
    const { pool, backend } = await open((socket) =>
      writeParts(socket, [
        chunkedHead,
        '1\r\na\r\n',
        '0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      ]),
    );
    expect(await send(pool)).toMatchObject({ body: 'a', error: null });
    expect(await send(pool)).toMatchObject({ body: 'a', error: null });
    expect(backend.connections).toHaveLength(2);
  });

  it('closes an idle connection on which bytes come unasked', async () => {
    const { pool, backend } = await open((socket) =>
      writeParts(socket, [
        chunkedHead,
        '1\r\na\r\n',
        '0\r\n\r\n',
        'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      ]),
    );
    expect(await send(pool)).toMatchObject({ body: 'a', error: null });
    await once(backend.connections[0]!, 'close');
    expect(await send(pool)).toMatchObject({ body: 'a', error: null });
    expect(backend.connections).toHaveLength(2);
  });

  it('stops at once when the sink aborts, and opens a new connection for the next request', async () => {
    const { pool, backend } = await open((socket) =>
      writeParts(socket, [chunkedHead, '1\r\na\r\n', '1\r\nb\r\n', '0\r\n\r\n']),
    );
    const aborted = new RecordingHandler();
    aborted.onPiece = ({ controller }) => {
      controller?.abort(new Error('client gone'));
      return false;
    };
    pool.dispatch({ path: '/', method: 'GET' }, aborted);
    await aborted.finished;
    expect(aborted).toMatchObject({ relayed: '1\r\na\r\n', error: new Error('client gone') });
    expect(await send(pool)).toMatchObject({ body: 'ab', error: null });
    expect(aborted.relayed).toBe('1\r\na\r\n');
    expect(backend.connections).toHaveLength(2);
  });

  it('fails the relayed response when the pool is destroyed', async () => {
    const { pool } = await open((socket) => writeParts(socket, [chunkedHead, '1\r\na\r\n']));
    const handler = new RecordingHandler();
    pool.dispatch({ path: '/', method: 'GET' }, handler);
    while (handler.relayCalls === 0) await nextTurn();
    await pool.destroy();
    await handler.finished;
    expect(handler).toMatchObject({ relayed: '1\r\na\r\n', error: { code: 'UND_ERR_DESTROYED' } });
  });

  it('fails at once on a reset by the backend', async () => {
    const { pool, backend } = await open((socket) => writeParts(socket, [chunkedHead, '1\r\na\r\n']));
    const handler = new RecordingHandler();
    pool.dispatch({ path: '/', method: 'GET' }, handler);
    while (handler.relayCalls === 0) await nextTurn();
    backend.connections[0]!.resetAndDestroy();
    await handler.finished;
    expect(handler.error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('ignores the tap of an earlier response', async () => {
    const { pool } = await open((socket) =>
      writeParts(socket, [chunkedHead, '1\r\na\r\n', '1\r\nb\r\n', '0\r\n\r\n']),
    );
    const earlier = await send(pool);
    const later = new RecordingHandler();
    later.onPiece = () => {
      earlier.tap!.resume();
      return false;
    };
    pool.dispatch({ path: '/', method: 'GET' }, later);
    while (later.relayCalls === 0) await nextTurn();
    earlier.tap!.resume();
    for (let i = 0; i < 50; i++) await nextTurn();
    expect(later.relayed).toBe('1\r\na\r\n');
    later.onPiece = () => true;
    later.tap!.resume();
    await later.finished;
    expect(later.body).toBe('ab');
  });

  it('turns an exception of the sink into the error of its request', async () => {
    const { pool } = await open((socket) => writeParts(socket, [chunkedHead, '1\r\na\r\n', '0\r\n\r\n']));
    const failing = new RecordingHandler();
    failing.onPiece = () => {
      throw new Error('sink broke');
    };
    pool.dispatch({ path: '/', method: 'GET' }, failing);
    await failing.finished;
    expect(failing.error?.message).toBe('sink broke');
  });

  it('reads no further while the sink wants no more, and goes on after resume', async () => {
    const block = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const blocks = 400;
    const { pool, backend } = await open(async (socket) => {
      await writeParts(socket, [chunkedHead]);
      for (let i = 0; i < blocks; i++) socket.write(block);
      socket.write('0\r\n\r\n');
    });
    const slow = new RecordingHandler();
    slow.onPiece = () => false;
    pool.dispatch({ path: '/', method: 'GET' }, slow);
    while (slow.relayCalls === 0) await nextTurn();
    for (let i = 0; i < 200; i++) await nextTurn();
    expect(slow.relayCalls).toBe(1);
    expect(backend.connections[0]!.writableLength).toBeGreaterThan(0x10000 * 200);
    for (let calls = 1; calls < 5; calls++) {
      slow.tap!.resume();
      while (slow.relayCalls === calls) await nextTurn();
      for (let i = 0; i < 20; i++) await nextTurn();
      expect(slow.relayCalls).toBe(calls + 1);
    }
    slow.onPiece = () => true;
    slow.tap!.resume();
    await slow.finished;
    expect(slow.body).toBe('x'.repeat(0x10000 * blocks));
  });

  it('waits with relaying while the handler has paused the parser', async () => {
    const { pool } = await open((socket) =>
      writeParts(socket, [chunkedHead, '1\r\na\r\n', '1\r\nb\r\n', '0\r\n\r\n']),
    );
    const handler = new RecordingHandler();
    const relayTo = handler.onResponseStart.bind(handler);
    handler.onResponseStart = (controller, statusCode) => {
      relayTo(controller, statusCode);
      controller.pause();
    };
    pool.dispatch({ path: '/', method: 'GET' }, handler);
    while (handler.statusCodes.length === 0) await nextTurn();
    for (let i = 0; i < 50; i++) await nextTurn();
    expect(handler.wire).toBe('');
    handler.controller!.resume();
    await handler.finished;
    expect(handler.body).toBe('ab');
  });
});

describe('TapClient without a relay', () => {
  it('gives the whole body to onResponseData when the handler asks for nothing', async () => {
    const { pool } = await open((socket) =>
      writeParts(socket, [chunkedHead, '1\r\na\r\n', '1\r\nb\r\n', '0\r\n\r\n']),
    );
    const handler = new RecordingHandler();
    handler.onResponseStart = () => undefined;
    pool.dispatch({ path: '/', method: 'GET' }, handler);
    await handler.finished;
    expect(handler).toMatchObject({ data: 'ab', relayed: '', error: null });
  });

  it('refuses a second relay of the same response', async () => {
    const { pool } = await open((socket) => writeParts(socket, [chunkedHead, '1\r\nb\r\n', '0\r\n\r\n']));
    const handler = new RecordingHandler();
    const answers: (boolean | undefined)[] = [];
    handler.onResponseStart = () =>
      void answers.push(handler.tap?.relayTo(handler), handler.tap?.relayTo(handler));
    pool.dispatch({ path: '/', method: 'GET' }, handler);
    await handler.finished;
    expect(answers).toEqual([true, false]);
    expect(handler).toMatchObject({ data: '', relayed: '1\r\nb\r\n', error: null });
  });

  it('refuses a relay outside onResponseStart', async () => {
    const { answer } = await answerTo([chunkedHead, '1\r\na\r\n', '0\r\n\r\n']);
    expect(answer.tap?.relayTo(answer)).toBe(false);
  });

  it('serves handlers without the property, and undici’s own methods', async () => {
    const { pool } = await open((socket) => writeParts(socket, [chunkedHead, '1\r\na\r\n', '0\r\n\r\n']));
    const { body } = await pool.request({ path: '/', method: 'GET' });
    expect(await body.text()).toBe('a');
  });

  it('reports a refused connection', async () => {
    const { pool, backend } = await open(() => undefined);
    closers.splice(0);
    await backend.close();
    const answer = await send(pool);
    expect(answer).toMatchObject({ tap: null, error: { code: 'ECONNREFUSED' } });
    await pool.destroy();
  });

  it('leaves an upgraded socket alone while the client serves on', async () => {
    const { pool } = await open(async (socket, head) => {
      if (!head.includes('upgrade: echo'))
        return writeParts(socket, [chunkedHead, '1\r\na\r\n', '0\r\n\r\n']);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    const { socket } = await pool.upgrade({ path: '/', protocol: 'echo' });
    expect((await send(pool)).body).toBe('a');
    socket.write('ping');
    const [echoed] = await once(socket, 'data');
    expect(String(echoed)).toBe('ping');
    socket.destroy();
  });
});

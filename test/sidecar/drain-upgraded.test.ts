import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { quietMs } from './support/under-test.ts';
import { startWebSocketApp } from './support/web-socket-app.ts';

const rig = useSidecarRig();

describe('an upgraded connection', () => {
  it('outlasts the drain, and the process ends when it has', { timeout: quietMs + 40_000 }, async () => {
    const app = await startWebSocketApp();
    rig.onClose(() => app.close());
    const sidecar = await rig.start(app.port);
    const socket = new WebSocket(`ws://127.0.0.1:${sidecar.ports.serving}/`);
    await once(socket, 'open');
    sidecar.kill('SIGTERM');
    await pause(quietMs + 1_500);
    expect(sidecar.exit).toBeNull();
    socket.send('still here');
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(message.toString()).toBe('still here');
    const closed = once(socket, 'close');
    socket.close(1000);
    await closed;
    expect(await sidecar.exited()).toBe(0);
  });
});

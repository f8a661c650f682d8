import type { Socket } from 'node:net';
import type { Lane } from './traffic.ts';

/**
 * A lane that is loaded when its first connection comes: what nobody speaks costs neither memory nor start-up. A load that
 * fails closes the connections that wait for it, is told to `onFailed`, and is tried again with the next one.
 */
export function createLazyLane(load: () => Promise<Lane>, onFailed: (error: unknown) => void): Lane {
  let lane: Lane | null = null;
  let loading: Promise<void> | null = null;
  let isClosed = false;
  const waiting = new Set<Socket>();
  const start = async () => {
    try {
      lane = await load();
      for (const socket of waiting) {
        socket.off('error', destroy);
        if (!isClosed && !socket.destroyed) lane.take(socket);
      }
    } catch (error) {
      for (const socket of waiting) socket.destroy();
      onFailed(error);
    }
    waiting.clear();
    loading = null;
  };
  return {
    take(socket) {
      if (lane !== null) {
        lane.take(socket);
        return;
      }
      waiting.add(socket);
      socket.on('error', destroy);
      loading ??= start();
    },
    async drain() {
      await loading;
      await lane?.drain();
    },
    close() {
      isClosed = true;
      for (const socket of waiting) socket.destroy();
      lane?.close();
    },
  };
}

function destroy(this: Socket): void {
  this.destroy();
}

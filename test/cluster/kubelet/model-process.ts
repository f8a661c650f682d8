import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A model server as a process: `node model-process.ts HOST PORT`; every answer tells when it first listened, and its
 * process. As model servers do, it runs once before: its first answer, which compiles what the others use, goes to itself
 * on another port. `GET /drain/MS` is answered after that many milliseconds, as a preStop hook is that waits.
 */
const [host, port] = process.argv.slice(2);
let readyAtNs = '0';
const server = createServer((incoming, response) => {
  const drainMs = Number(/^\/drain\/(\d+)$/.exec(incoming.url ?? '')?.[1] ?? 0);
  const answer = () => {
    const facts = { 'x-ready-at-ns': readyAtNs, 'x-process-id': process.pid };
    response.writeHead(200, { 'content-type': 'application/json', ...facts });
    response.end('{"object":"chat.completion","choices":[]}');
  };
  incoming.resume();
  incoming.once('end', () => {
    if (drainMs > 0) setTimeout(answer, drainMs);
    else answer();
  });
});

server.listen(0, '127.0.0.1');
await once(server, 'listening');
const own = (server.address() as AddressInfo).port;
await new Promise<void>((resolve, reject) => {
  const warmUp = request({ port: own, method: 'POST', agent: false }, (answer) =>
    answer.resume().once('end', resolve),
  );
  warmUp.once('error', reject).end('{}');
});
server.closeAllConnections();
server.close();
await once(server, 'close');
server.listen(Number(port), host, () => {
  readyAtNs = `${process.hrtime.bigint()}`;
});

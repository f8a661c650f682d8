import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A model server as a process: `node model-process.ts HOST PORT`; every answer tells when it first listened. As model
 * servers do, it runs once before: its first answer, which compiles what the others use, goes to itself on another port.
 */
const [host, port] = process.argv.slice(2);
let readyAtNs = '0';
const server = createServer((incoming, response) => {
  incoming.resume();
  incoming.once('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-ready-at-ns': readyAtNs });
    response.end('{"object":"chat.completion","choices":[]}');
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

import { createServer } from 'node:http';

/** A model server as a process: `node model-process.ts HOST PORT`; every answer tells when it first listened. */
const [host, port] = process.argv.slice(2);
let readyAtNs = '0';
const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-ready-at-ns': readyAtNs });
    response.end('{"object":"chat.completion","choices":[]}');
  });
});
server.listen(Number(port), host, () => {
  readyAtNs = `${process.hrtime.bigint()}`;
});

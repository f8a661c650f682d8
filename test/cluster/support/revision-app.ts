import { createServer, type ServerResponse } from 'node:http';

/**
 * The app of a revision: `node revision-app.ts LOAD_MS`, on the PORT of its environment. /health is 503 until it has loaded.
 * `GET /peak` tells the most requests at once; any other is answered by an event each 250 ms for the milliseconds of its
 * query `ms`, then `data: [DONE]`. SIGTERM ends it when what runs has ended.
 */
const loadedAtMs = performance.now() + Number(process.argv[2]);
let running = 0;
let peak = 0;

function stream(res: ServerResponse, forMs: number): void {
  peak = Math.max(peak, ++running);
  res.once('close', () => running--);
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  const untilMs = performance.now() + forMs;
  const timer = setInterval(() => res.write(`data: {"left":${untilMs - performance.now()}}\n\n`), 250);
  setTimeout(() => {
    clearInterval(timer);
    res.end('data: [DONE]\n\n');
  }, forMs);
}

const server = createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url!, 'http://app');
  if (pathname === '/health') res.writeHead(performance.now() < loadedAtMs ? 503 : 200).end();
  else if (pathname === '/peak') res.end(String(peak));
  else stream(res, Number(searchParams.get('ms') ?? 0));
});
server.listen(Number(process.env.PORT), '0.0.0.0');
process.once('SIGTERM', () => server.close());

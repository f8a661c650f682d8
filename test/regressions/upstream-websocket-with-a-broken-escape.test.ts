import { afterEach, expect, it } from 'vitest';
import { Fixture, staticModel } from '../http/fixture.ts';
import { answerJson } from '../support/backend.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

it('a WebSocket on /upstream whose path cannot be decoded is a malformed URL, not a bug in the gateway', async () => {
  const { url } = await fixture.backend(answerJson);
  const gateway = await fixture.gateway(staticModel(url));
  const client = fixture.client(gateway.adminUrl);
  client.write(
    'GET /upstream/%zz/page HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  );
  expect(await client.closed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
});

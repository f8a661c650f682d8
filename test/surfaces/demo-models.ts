import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';
import type { World } from '../support/world.ts';

/** A simulated model `chat` that is cold at first, with OpenAI's API. */
export const coldChat = `
  chat:
    aliases: [acme/chat]
    backend:
      driver: process
      command: ["{pilotlight}", demo-backend, --port, "{port}", --model, "{model}", --load-time, 200ms, --tokens-per-second, "500", --first-token, 5ms]
    concurrency: 4
`;

/** A gateway with these surfaces (YAML), its jobs in memory, in front of the cold model `chat` and of what `models` adds. */
export async function startWith(world: World, surfaces: string, models = ''): Promise<Gateway> {
  const settings = settingsOf(`${coldChat}${models}`, `store: memory\nsurfaces: ${surfaces}`);
  const gateway = await startGateway({ ...settings, server: { ...settings.server, drainMs: 200 } });
  world.onClose(() => gateway.close());
  return gateway;
}

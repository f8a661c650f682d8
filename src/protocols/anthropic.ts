import type { Protocol, ProtocolRoute } from '../core/protocol.ts';
import { anthropicDialect } from './dialects.ts';
import { JsonScanner } from './json-scan.ts';

/** Anthropic's Messages API as self-hosted backends serve it. */
export const anthropic: Protocol = {
  name: 'anthropic',
  routes: ['/v1/messages', '/v1/messages/count_tokens'].map(messagesRoute),
};

function messagesRoute(path: string): ProtocolRoute {
  return {
    methods: ['POST'],
    path,
    dialect: anthropicDialect,
    modelIn: 'json',
    parser: () => new JsonScanner(),
  };
}

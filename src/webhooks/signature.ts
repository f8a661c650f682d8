import { Webhook } from 'standardwebhooks';
import type { WebhookMessage } from '../core/webhook.ts';

/** The header fields of Standard Webhooks, with a signature by each secret, the newest first. `sentAtMs`: since the epoch. */
export function signedFields(message: WebhookMessage, sentAtMs: number): Record<string, string> {
  const sentAt = new Date(sentAtMs);
  const signatures = message.secrets.map((secret) =>
    new Webhook(secret).sign(message.id, sentAt, message.body),
  );
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(Math.floor(sentAtMs / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}

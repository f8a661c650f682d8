import type { AddressRules } from './address-rules.ts';
import { versionOf } from './ip-address.ts';

const maxUrlLength = 2_048;

/** What decides where a webhook may go. */
export interface UrlRules {
  readonly addresses: AddressRules;
  /** http:// is allowed besides https://. */
  readonly allowHttp: boolean;
}

/** Why no webhook goes to this url, before its name is looked up; null: it may. For the client that gave it. */
export function urlFault(text: string, rules: UrlRules): string | null {
  if (text.length > maxUrlLength) return `the webhook's URL has more than ${maxUrlLength} characters`;
  const url = URL.parse(text);
  if (url === null) return "the webhook's URL is none";
  if (url.protocol !== 'https:' && !(rules.allowHttp && url.protocol === 'http:'))
    return `the webhook's URL must begin with https://${rules.allowHttp ? ' or http://' : ''}`;
  if (url.username !== '' || url.password !== '')
    return "the webhook's URL must not hold a user or a password: webhooks are signed";
  const host = hostOf(url);
  const refusal = versionOf(host) === 0 ? null : rules.addresses.refusal(host);
  return refusal === null ? null : `webhooks do not go to ${refusal} addresses`;
}

/** The name or address in a URL, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

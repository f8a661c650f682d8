import { fieldOf, type LaneHead } from '../../relay/traffic.ts';
import { plainAddress } from '../outbound-fields.ts';
import { decoded, headerMap, valuesMap } from './header-map.ts';
import { ExecutionFault, Struct, type StructType, type Value } from './template/values.ts';
import { queryOf, urlType } from './url-type.ts';

/**
 * *http.Request, as a line is written when the request is over: its body is read, and no form was parsed. Left out are
 * Body, GetBody, Cancel, Context and what else has no text.
 */
export const requestType: StructType<LaneHead> = {
  name: '*http.Request',
  fields: {
    Method: ({ method }) => method,
    URL: ({ target }) => Struct.of(urlType, target),
    Proto: ({ version }) => `HTTP/${version === '2' ? '2.0' : version}`,
    ProtoMajor: ({ version }) => (version === '2' ? 2 : 1),
    ProtoMinor: ({ version }) => (version === '1.1' ? 1 : 0),
    Header: ({ fields }) => headerMap(fields),
    ContentLength: ({ bodyBytes }) => bodyBytes ?? -1,
    TransferEncoding: ({ version, bodyBytes }) => (version !== '2' && bodyBytes === null ? ['chunked'] : []),
    Close: (head) => isClosed(head),
    Host: ({ authority }) => decoded(authority),
    Form: () => valuesMap(() => new Map()),
    PostForm: () => valuesMap(() => new Map()),
    MultipartForm: () => null,
    Trailer: () => headerMap([]),
    RemoteAddr: (head) => addressOf(head),
    RequestURI: ({ target }) => decoded(target),
    TLS: ({ peer }) => (peer.isTls ? Struct.of(tlsType, true) : null),
    Response: () => null,
    Pattern: () => '',
  },
  methods: {
    UserAgent: { takes: [], call: (head) => field(head, 'user-agent') },
    Referer: { takes: [], call: (head) => field(head, 'referer') },
    FormValue: {
      takes: ['string'],
      call: ({ target }, [key]) => queryOf(target).get(String(key))?.[0] ?? '',
    },
    PostFormValue: { takes: ['string'], call: () => '' },
    PathValue: { takes: ['string'], call: () => '' },
    ProtoAtLeast: {
      takes: ['int', 'int'],
      call: ({ version }, [major, minor]) => isAtLeast(version, major, minor),
    },
    Cookie: { takes: ['string'], call: (head, [name]) => cookieOf(head, String(name)) },
  },
};

const tlsType: StructType<true> = {
  name: '*tls.ConnectionState',
  fields: { HandshakeComplete: () => true },
  methods: {},
};

const cookieType: StructType<{ readonly name: string; readonly value: string }> = {
  name: '*http.Cookie',
  fields: { Name: ({ name }) => name, Value: ({ value }) => value },
  methods: {},
  text: ({ name, value }) => `${name}=${value}`,
};

function field({ fields }: LaneHead, name: string): string {
  return decoded(fieldOf(fields, name) ?? '');
}

function isClosed(head: LaneHead): boolean {
  const tokens = field(head, 'connection').toLowerCase().split(',');
  const says = (token: string) => tokens.some((one) => one.trim() === token);
  return head.version === '1.0' ? !says('keep-alive') : head.version === '1.1' && says('close');
}

/** Address and port, in brackets where it is one of IPv6. */
function addressOf({ peer }: LaneHead): string {
  const address = plainAddress(peer.address);
  return `${address.includes(':') ? `[${address}]` : address}:${peer.port}`;
}

function isAtLeast(version: LaneHead['version'], major: Value, minor: Value): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > Number(major) || (ownMajor === Number(major) && ownMinor >= Number(minor));
}

function cookieOf(head: LaneHead, name: string): Value {
  for (const part of field(head, 'cookie').split(';')) {
    const [, key, value = ''] = /^\s*([^=\s]+)\s*=\s*"?(.*?)"?\s*$/.exec(part) ?? [];
    if (key === name) return Struct.of(cookieType, { name, value });
  }
  throw new ExecutionFault('http: named cookie not present');
}

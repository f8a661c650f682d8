import { describe, expect, it } from 'vitest';
import { affinityOf, priorityOf } from '../../src/admission/request-class.ts';
import type { BalanceSettings, KeySettings } from '../../src/config/settings.ts';

const key = (priority: KeySettings['priority']): KeySettings => ({ name: 'app', sha256: '', priority });
const balance = (more: Partial<BalanceSettings>): BalanceSettings => ({
  strategy: 'auto',
  session: null,
  maxLoadFactor: 1.25,
  ...more,
});
const noPrompt = () => {
  throw new Error('the prompt must not be looked at');
};

describe('the priority of a request', () => {
  it('is what it asks for, as far as its key allows', () => {
    expect(priorityOf({ 'x-pilotlight-priority': 'high' }, key('high'))).toBe(0);
    expect(priorityOf({ 'x-pilotlight-priority': 'high' }, key('normal'))).toBe(1);
    expect(priorityOf({ 'x-pilotlight-priority': 'Low' }, key('high'))).toBe(2);
    expect(priorityOf({ 'x-pilotlight-priority': 'high' }, null)).toBe(0);
  });

  it('is normal unasked, and never above a lower key', () => {
    expect(priorityOf({}, key('high'))).toBe(1);
    expect(priorityOf({}, key('low'))).toBe(2);
    expect(priorityOf({ 'x-pilotlight-priority': 'urgent' }, null)).toBe(1);
  });
});

describe('the affinity of a request', () => {
  it('is none without settings, whatever it carries', () => {
    expect(affinityOf(balance({}), { cookie: 'sid=1' }, noPrompt)).toBeNull();
  });

  it('comes from the configured header or cookie', () => {
    const byHeader = balance({ session: { header: 'X-Session' } });
    expect(affinityOf(byHeader, { 'x-session': 'a' }, noPrompt)).toEqual({ session: 'a', blocks: [] });
    const byCookie = balance({ session: { cookie: 'sid' } });
    expect(affinityOf(byCookie, { cookie: 'x=1; sid=b=c; y' }, noPrompt)).toEqual({
      session: 'b=c',
      blocks: [],
    });
    expect(affinityOf(byCookie, { cookie: 'xsid=1' }, noPrompt)).toBeNull();
  });

  it('has the blocks of the prompt with strategy prefix', () => {
    const prompt = Buffer.alloc(600, 'a');
    const affinity = affinityOf(balance({ strategy: 'prefix' }), {}, () => prompt);
    expect(affinity!.blocks).toHaveLength(2);
  });
});

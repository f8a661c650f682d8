import { describe, expect, it } from 'vitest';
import { html } from '../../../src/simulate/html/markup.ts';

describe('a template', () => {
  it('escapes what is put into it, for text and for attributes', () => {
    const name = `</text><script>alert("x")</script>&'`;
    expect(html`<a title="${name}">${name}</a>`.text).toBe(
      '<a title="&lt;/text&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;">' +
        '&lt;/text&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;</a>',
    );
  });

  it('takes templates and lists of them as they are, and nothing for null', () => {
    const items = ['<1>', 2].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}${null}</ul>`.text).toBe('<ul><li>&lt;1&gt;</li><li>2</li></ul>');
  });

  it('makes control characters, lone surrogates and turns of direction visible', () => {
    expect(html`${'a\u0000b\u001bc\u202ed\ud800'}`.text).toBe('a\ufffdb\ufffdc\ufffdd\ufffd');
  });
});

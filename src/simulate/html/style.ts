/** All that the page is styled by; it says its colours for light and for dark. */
export const style = `:root{color-scheme:light dark;--back:#fff;--text:#1c2024;--faint:#667;--grid:#d8dce2;--fixed:#1f6fd1;
--adaptive:#c2570c;--other:#6b7280;--front:#8bc48b;--busy:#2f9e5b;--idle:#e3b341;--loading:#8a63d2;--cold:#d1342f;--warm:#8fb2d9}
@media (prefers-color-scheme:dark){:root{--back:#14171a;--text:#e6e9ec;--faint:#9aa3ad;--grid:#333a42;--fixed:#6aaaf5;
--adaptive:#f0944d;--other:#a3abb5;--front:#3f7a47;--busy:#3fb56f;--idle:#b98a1f;--loading:#a98ae6;--cold:#f0645f;--warm:#3f6186}}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem}h2{margin-top:2.2rem;font-size:1.15rem}p,figcaption,dt{color:var(--faint)}
figure{margin:1rem 0}figcaption{font-size:.85rem}svg{display:block;width:100%;height:auto}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap;font-size:.85rem}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--grid)}th:first-child,td:first-child{text-align:left}
td:first-child{max-width:18rem;overflow:hidden;text-overflow:ellipsis}
pre{overflow-x:auto;padding:.8rem;border:1px solid var(--grid);border-radius:4px;font-size:.85rem}
dd{margin:0 0 .5rem;overflow-wrap:anywhere}text{font:11px system-ui,sans-serif;fill:var(--text)}text.tick{fill:var(--faint)}
.grid{stroke:var(--grid);stroke-width:1}.line{fill:none;stroke-width:1.2;opacity:.6}
.frontier{fill:none;stroke:var(--front);stroke-width:6;stroke-linejoin:round;opacity:.55}
.line.fixed{stroke:var(--fixed)}.line.adaptive{stroke:var(--adaptive)}
.fixed circle,.key .fixed{fill:var(--fixed)}.adaptive circle,.key .adaptive{fill:var(--adaptive)}
.other circle,.key .other{fill:var(--other)}.key .front{fill:var(--front)}
.area.busy,.key .busy{fill:var(--busy)}.area.idle,.key .idle{fill:var(--idle)}.area.loading,.key .loading{fill:var(--loading)}
.area.warm,.key .warm{fill:var(--warm)}.area.cold,.key .cold{fill:var(--cold)}
.key{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0;list-style:none;font-size:.85rem}
.key svg{display:inline-block;width:12px;height:12px;margin-right:.4rem;vertical-align:-1px}`;

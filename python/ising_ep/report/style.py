"""How the page looks, on light and dark screens and on paper."""

# Charts are drawn for a white page: on a dark one their lightness is turned round, and their hues stay.
STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --text: #1a1d21; --soft: #5a6470; --line: #d5dae0;
  --card: #f5f7f9; --strong: #1b4f72; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171a; --text: #e8ebee; --soft: #a3adb8; --line: #39424c;
    --card: #1e2329; --strong: #7cc0ee; }
  .chart { filter: invert(0.92) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem;
  background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; padding-bottom: 0.25rem;
  border-bottom: 1px solid var(--line); }
p { margin: 0.5rem 0; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 0.6rem 0.8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.5rem 0; }
.note { color: var(--soft); }
.status { font-weight: 600; color: var(--strong); }
.numbers { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1.25rem 0 0; padding: 0; }
.numbers div { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.6rem 1rem; }
.numbers dt { color: var(--soft); font-size: 0.85rem; }
.numbers dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.92rem; margin: 0.75rem 0; }
th, td { text-align: left; padding: 0.25rem 0.9rem 0.25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td { overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
table.numeric td + td, table.numeric th + th { text-align: right; font-variant-numeric: tabular-nums; }
details summary { cursor: pointer; color: var(--strong); margin: 0.5rem 0; }
.chart { display: block; max-width: 100%; height: auto; }
.examples { display: flex; flex-wrap: wrap; gap: 0.75rem; }
.examples figure { margin: 0; width: 6rem; }
.example { width: 100%; image-rendering: pixelated; border: 1px solid var(--line);
  background: #ffffff; display: block; }
figcaption { font-size: 0.85rem; color: var(--soft); overflow-wrap: anywhere; }
@media print { body { max-width: none; } section { break-inside: avoid-page; } }
"""

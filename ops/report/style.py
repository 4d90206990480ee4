"""How the page of a release looks: light, dark, on a narrow screen and on paper."""

from __future__ import annotations

LIGHT = """
  --paper: #ffffff; --panel: #f6f7f9; --ink: #16191d; --soft: #59626d; --rule: #d9dee4;
  --blue: #2563c9; --green: #0b8a4b; --both: #6b4fc4; --other: #a8480c; --bad: #c02626; --good: #0b7a43;
  --bad-back: #fdecec; --good-back: #e7f6ee; --open-back: #fdf3dc; --open: #8a5a00;
  --prepare: #e3e6ea; --start: #d9e6fb; --test: #e9e0fa; --shift: #cdeedd; --bake: #fdeec4; --back: #fad4d4;
"""
DARK = """
  --paper: #14171b; --panel: #1d2126; --ink: #e8ebee; --soft: #a3adb8; --rule: #363d45;
  --blue: #74a7ff; --green: #43cf8a; --both: #b09bff; --other: #f2a15f; --bad: #ff7b7b; --good: #4fd391;
  --bad-back: #3a2023; --good-back: #17322a; --open-back: #35291a; --open: #f0c067;
  --prepare: #2d333a; --start: #223552; --test: #362c52; --shift: #1b4232; --bake: #4a3d1a; --back: #55292c;
"""
REST = """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 20px 48px; max-width: 1040px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: .35em 0 .3em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2em 0 .6em; }
p { margin: .4em 0; }
.soft, figcaption span, .key span { color: var(--soft); }
.badge { display: inline-block; padding: 3px 12px; border-radius: 99px; font-weight: 650; }
.badge.good, .verdict.good { background: var(--good-back); color: var(--good); }
.badge.bad, .verdict.bad { background: var(--bad-back); color: var(--bad); }
.badge.open, .verdict.open { background: var(--open-back); color: var(--open); }
.verdict { padding: 1px 8px; border-radius: 4px; font-weight: 600; white-space: nowrap; }
.keys { display: flex; flex-wrap: wrap; gap: 10px; margin: 20px 0 0; padding: 0; }
.key { flex: 1 1 130px; padding: 10px 14px; border-radius: 8px; background: var(--panel); }
.key b { display: block; font-size: 1.35rem; line-height: 1.3; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.key.bad b { color: var(--bad); }
.key span { font-size: .85rem; }
.next { margin: 22px 0 0; padding: 14px 20px; border-radius: 8px; background: var(--bad-back);
  border-left: 4px solid var(--bad); }
.next h2 { margin: 0 0 .4em; }
.next ol { margin: 0; padding-left: 1.3em; }
.next li { margin: .45em 0; }
code { font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.next code { display: block; margin-top: 2px; }
figure { margin: 22px 0 0; break-inside: avoid; }
figcaption { margin-bottom: 4px; font-weight: 600; }
figcaption span { font-weight: 400; font-size: .85rem; margin-left: 8px; }
.scroll { overflow-x: auto; }
.scroll svg { display: block; width: 100%; min-width: 620px; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 6px 0 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 22px; height: 0; border-top: 3px solid; margin-right: 7px;
  vertical-align: middle; }
.legend .blue { border-color: var(--blue); border-top-style: dashed; } .legend .green { border-color: var(--green); }
.legend .both { border-color: var(--both); } .legend .other { border-color: var(--other); border-top-style: dotted; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: .82rem; font-weight: 600; color: var(--soft); white-space: nowrap; }
td, th { padding: 7px 18px 7px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.long { overflow-wrap: anywhere; min-width: 15em; } td.some { min-width: 9em; }
tr { break-inside: avoid; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0; margin: 0; }
dt, dd { margin: 0; padding: 6px 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
dt { color: var(--soft); padding-right: 28px; }
footer { margin-top: 3em; font-size: .85rem; color: var(--soft); }
svg text { font: 11.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
svg .tick.y { text-anchor: end; } svg .tick.x { text-anchor: middle; }
svg .name { text-anchor: middle; fill: var(--ink); }
svg .name.none { fill: var(--soft); font-size: 13px; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .band { opacity: .38; }
svg .prepare { fill: var(--prepare); } svg .start { fill: var(--start); }
  svg .test { fill: var(--test); }
svg .shift { fill: var(--shift); } svg .bake { fill: var(--bake); } svg .back { fill: var(--back); }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .line.blue { stroke: var(--blue); stroke-dasharray: 5 4; } svg .line.green { stroke: var(--green); }
svg .line.both { stroke: var(--both); } svg .line.other { stroke: var(--other); stroke-dasharray: 1 5; }
svg .area.green { fill: var(--green); opacity: .16; }
svg .dot.blue, svg .bar.blue { fill: var(--blue); } svg .dot.green, svg .bar.green { fill: var(--green); }
svg .dot.both, svg .bar.both { fill: var(--both); } svg .dot.other, svg .bar.other { fill: var(--other); }
svg line.mark { stroke-width: 1; stroke-dasharray: 3 3; } svg line.good { stroke: var(--good); }
  svg line.bad { stroke: var(--bad); }
svg circle.good { fill: var(--good); } svg circle.bad { fill: var(--bad); }
svg .sign { text-anchor: middle; fill: var(--paper); font-weight: 700; font-size: 10.5px; }
@media (max-width: 640px) {
  body { padding: 18px 14px 36px; } h1 { font-size: 1.35rem; }
  dl { grid-template-columns: 1fr; } dt { border: 0; padding-bottom: 0; } dd { padding-top: 0; }
  figcaption span { display: block; margin-left: 0; }
}
@media print { body { max-width: none; padding: 0; font-size: 11pt; }
  .scroll, .key, .next, .badge { overflow: visible;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; } svg { print-color-adjust: exact; }
  .scroll svg { min-width: 0; } }
"""
STYLE = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
{REST}"""

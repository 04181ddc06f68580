/** How the page looks: on a phone and a desktop, in the light, in the dark and on paper. */

/** Blue and orange are told apart in every kind of colour blindness (M. Okabe, K. Ito, "Color Universal Design"). */
export const STYLE = `
:root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--line:#dde3e9;--ink:#17202a;--soft:#55616e;--bar:#0072b2;--rail:#eaeff3;--grid:#e4e9ee;--q0:#e3e8ed;--q1:#b9d9ec;--q2:#7fb9dc;--q3:#3f93c6;--q4:#0b6ba6;--q5:#084a75}
@media (prefers-color-scheme:dark){:root{--page:#0f141a;--card:#181f27;--line:#2b3541;--ink:#e8edf2;--soft:#9eabb8;--bar:#56b4e9;--rail:#232d37;--grid:#28323d;--q0:#2a343f;--q1:#1f4a66;--q2:#276d97;--q3:#3591c6;--q4:#63b9ec;--q5:#b5e0fa}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 16px}
header{padding-top:28px;padding-bottom:8px}
h1{font-size:26px;line-height:1.2;letter-spacing:-.01em;margin:0 0 6px}
h2{font-size:16px;line-height:1.3;margin:0}
p{margin:0;color:var(--soft);overflow-wrap:anywhere}
figcaption p,section>h2+p{font-size:13px;margin-top:2px}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:16px;margin:16px 0;padding:0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tile dt{font-size:13px;color:var(--soft)}
.tile dd{margin:0;font-size:24px;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
main{display:grid;grid-template-columns:1fr 1fr;gap:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:0;min-width:0}
.wide{grid-column:1/-1}
.plot{display:flex;margin:12px 0 2px -8px}
.plot svg{display:block;flex:none}
.plot .columns{flex:1 1 0;min-width:0;overflow:visible}
svg text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
.bar{fill:var(--bar)}
.rail{fill:var(--rail)}
.grid{stroke:var(--grid)}
.base{stroke:var(--soft)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:5px 0;font-weight:400;vertical-align:middle}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-left:14px}
.stack{display:flex;flex-direction:column;gap:16px;min-width:0}
.ranking{margin-top:8px}
.ranking th{overflow-wrap:anywhere;line-height:1.35;padding:6px 0}
.ranking th svg{display:block;margin-top:5px}
.ranking td{vertical-align:bottom;line-height:1;padding-bottom:4px}
.ranking .n{width:1%;padding-left:16px}
.share{color:var(--soft);font-size:13px}
.ranking .share{padding-bottom:5px}
.note{font-size:13px;color:var(--soft)}
.rest{font-size:13px;margin-top:8px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.doors{margin-top:8px}
.doors tbody th{overflow-wrap:anywhere}
.doors thead th{vertical-align:bottom}
.doors thead .n{white-space:normal}
.doors .n{width:1%;padding-left:32px}
.doors .note{display:block}
thead th{font-size:13px;color:var(--soft)}
tbody tr+tr>*{border-top:1px solid var(--grid)}
.ranking tbody tr+tr>*{border-top:0}
details{margin-top:8px;font-size:13px}
summary{cursor:pointer;color:var(--soft);width:max-content;padding:4px 0}
details[open]{max-height:420px;overflow-y:auto}
.map svg{display:block;width:100%;height:auto;margin:12px 0 8px}
.q0{fill:var(--q0)}.q1{fill:var(--q1)}.q2{fill:var(--q2)}.q3{fill:var(--q3)}.q4{fill:var(--q4)}.q5{fill:var(--q5)}
.map path{stroke:var(--card);stroke-width:.5}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:0;padding:0;font-size:13px;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:6px}
.legend svg{width:14px;height:14px;margin:0}
footer{padding-top:16px;padding-bottom:32px;font-size:13px}
:focus-visible{outline:2px solid var(--bar);outline-offset:2px}
@media (max-width:720px){main{grid-template-columns:minmax(0,1fr);gap:12px}main,header,footer{padding-left:12px;padding-right:12px}header{padding-top:20px}h1{font-size:22px}.tiles{grid-template-columns:1fr 1fr;gap:12px;margin:12px 0}.card{padding:14px}.tile{padding:10px 14px}.tile dd{font-size:20px}.stack{gap:12px}.doors thead .n,.doors tbody .n{padding-left:12px}.ranking .n{padding-left:12px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--line:#bbb;--ink:#000;--soft:#333;--bar:#0072b2;--rail:#eee;--grid:#ddd;--q0:#e3e8ed;--q1:#b9d9ec;--q2:#7fb9dc;--q3:#3f93c6;--q4:#0b6ba6;--q5:#084a75}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{font-size:11pt}.card,.tile{break-inside:avoid}details{display:none}header{padding-top:0}}
`;
